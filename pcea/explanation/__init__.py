"""Why a model answers as it does: its attention, and the points that decide."""

from pcea.explanation.explain import Column, Explanation, explain
from pcea.explanation.faithfulness import Faithfulness, measure_faithfulness
from pcea.explanation.importance import Importance, importance
from pcea.models import AttentionMap

__all__ = [
    "AttentionMap",
    "Column",
    "Explanation",
    "Faithfulness",
    "Importance",
    "explain",
    "importance",
    "measure_faithfulness",
]
