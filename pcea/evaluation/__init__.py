"""Metrics and how they are measured. Every module is imported, so that its metrics are known."""

import importlib
import pkgutil

from pcea.evaluation.evaluate import check_fit, evaluate
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

__all__ = [
    "ClassificationResult",
    "LayerFigures",
    "PartResult",
    "Result",
    "SlotFigures",
    "SlotStatistics",
    "check_fit",
    "evaluate",
    "list_metrics",
    "measure_slots",
    "register_metric",
    "shape_iou",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
