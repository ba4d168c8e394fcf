"""Honest figures: accuracies, mIoU, and how they are measured."""

from pcea.evaluation.evaluate import Result, evaluate
from pcea.evaluation.metrics import (
    ClassificationResult,
    PartResult,
    classification_result,
    shape_iou,
)
from pcea.evaluation.slot_figures import LayerFigures, SlotFigures, SlotStatistics
from pcea.evaluation.slots import measure_slots

__all__ = [
    "ClassificationResult",
    "LayerFigures",
    "PartResult",
    "Result",
    "SlotFigures",
    "SlotStatistics",
    "classification_result",
    "evaluate",
    "measure_slots",
    "shape_iou",
]
