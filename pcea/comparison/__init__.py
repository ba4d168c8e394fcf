"""Comparing attentions: the same recipe with each of them and several seeds, in one table."""

from pcea.comparison.compare import Comparison, compare

__all__ = ["Comparison", "compare"]
