"""Honest figures: accuracies, mIoU, and how they are measured."""

from pcea.evaluation.evaluate import Result, evaluate
from pcea.evaluation.metrics import (
    ClassificationResult,
    PartResult,
    classification_result,
    shape_iou,
)

__all__ = [
    "ClassificationResult",
    "PartResult",
    "Result",
    "classification_result",
    "evaluate",
    "shape_iou",
]
