"""Metrics and how they are measured. Every module is imported, so that its metrics are known."""

from pcea.evaluation.calibration import (
    Calibration,
    category_calibration,
    fit_temperature,
    measure_calibration,
    part_calibration,
)
from pcea.evaluation.corrupted import CorruptedResult, evaluate_corrupted
from pcea.evaluation.evaluate import evaluate
from pcea.evaluation.fit import check_fit, fit_to
from pcea.evaluation.metrics import (
    ClassificationResult,
    PartResult,
    Result,
    list_metrics,
    register_metric,
    shape_iou,
)
from pcea.evaluation.slot_figures import LayerFigures, SlotFigures, SlotStatistics
from pcea.evaluation.slots import measure_slots
from pcea.evaluation.trust import Trust, make_trustworthy
from pcea.registry import import_modules

__all__ = [
    "Calibration",
    "ClassificationResult",
    "CorruptedResult",
    "LayerFigures",
    "PartResult",
    "Result",
    "SlotFigures",
    "SlotStatistics",
    "Trust",
    "category_calibration",
    "check_fit",
    "evaluate",
    "evaluate_corrupted",
    "fit_temperature",
    "fit_to",
    "list_metrics",
    "make_trustworthy",
    "measure_calibration",
    "measure_slots",
    "part_calibration",
    "register_metric",
    "shape_iou",
]

import_modules(__name__, __path__)
