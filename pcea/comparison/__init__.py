"""Comparing attentions: the same recipe with each of them and several seeds, in one table."""

from pcea.comparison.compare import compare
from pcea.comparison.table import Comparison

__all__ = ["Comparison", "compare"]
