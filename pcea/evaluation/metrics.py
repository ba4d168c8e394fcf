"""What a model predicted for a split, and the metrics that make figures of it.

A metric is a function from the results of a split to a number. A file of this folder, or of a
package of one's own, registers it::

    @register_metric("macro_f1", task="classification")
    def macro_f1(result: ClassificationResult) -> float:
        classes = len(result.taxonomy.categories)
        return multiclass_f1_score(result.prediction, result.target, classes, average="macro")
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from pcea.datasets.dataset import Task
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, checked, nearest
from pcea.registry import Registry

# Of each task, the metrics that are always measured; validation selects by the first.
STANDARD = {
    "classification": ("overall_accuracy", "mean_class_accuracy"),
    "segmentation": ("instance_miou", "class_miou"),
}

F = TypeVar("F", bound=Callable[[Any], Any])

METRICS: Registry[tuple[str, Callable[[Any], Any]]] = Registry("metric", "pcea.metrics")
"""By name: a metric's task, and the function that computes it from a result."""


def register_metric(name: str, task: str) -> Callable[[F], F]:
    """Decorate a function of a split's results that returns a number, to make it a metric.

    Args:
        name: the name that users give, and that stands in files.
        task: ``classification``, for a function of :class:`ClassificationResult`, or
            ``segmentation``, of :class:`PartResult`.

    Raises:
        ValueError: the name is taken, or there is no such task.
    """
    if task not in STANDARD:
        raise ValueError(f"metric {name!r}: no task {task!r}{nearest(task, STANDARD)}")

    def add(compute: F) -> F:
        METRICS.register(name)((task, compute))
        return compute

    return add


@checked()
def list_metrics(task: Task | None = None) -> list[str]:
    """Name every metric of a task, those of installed plug-ins too; by default of both tasks."""
    return [name for name, (own, _) in METRICS.entries().items() if task in (None, own)]


def check_metrics(names: Sequence[str], task: Task) -> None:
    """Refuse metrics that do not exist, or that are for the other task."""
    for name in names:
        own, _ = METRICS.get(name)
        if own != task:
            known = nearest(name, list_metrics(task))
            raise InputError(f"metric {name!r} is for {own}, and this is {task}{known}")


def format_figure(name: str, value: float) -> str:
    """Format a figure: the standard metrics in percent, any other as a plain number."""
    known = any(name in names for names in STANDARD.values())
    return f"{100 * value:.1f} %" if known else f"{value:.4g}"


class Result:
    """What the results of both tasks have in common."""

    task: ClassVar[Task]
    each: ClassVar[str]
    """The attribute that holds one figure of each category that occurs."""
    scores: Tensor
    """(M,) the score of each cloud, 0..1; their mean is the first figure."""

    def figures(self, metrics: Sequence[str] = ()) -> dict[str, float]:
        """The figures of the task's metrics and of further ones; validation selects by the first.

        A metric that is not for this task, or gives no finite number, is an InputError.
        """
        check_metrics(metrics, self.task)
        values = {}
        for name in (*STANDARD[self.task], *metrics):
            _, compute = METRICS.get(name)
            values[name] = float(compute(self))
            if not math.isfinite(values[name]):
                raise InputError(f"metric {name!r} gives {values[name]}, which is no figure")
        return values

    def summary(self, metrics: Sequence[str] = ()) -> dict[str, Any]:
        """All figures, as they stand in files: :meth:`figures`, and those of each category."""
        return {**self.figures(metrics), self.each: getattr(self, self.each)}


@dataclass(frozen=True, eq=False)
class ClassificationResult(Result):
    """How M whole clouds were classified.

    Args:
        prediction: (M,) int64 category ids.
        target: (M,) int64 category ids.
        taxonomy: names of the C categories.
        probability: (M, C) mean over the votes; None where only predictions are known.
    """

    task = "classification"
    each = "per_class"

    prediction: Tensor
    target: Tensor
    taxonomy: Taxonomy
    probability: Tensor | None = None

    @property
    def confusion(self) -> Tensor:
        """(C, C) int64 counts; rows are the truth, columns the prediction."""
        num = len(self.taxonomy.categories)
        pairs = num * self.target + self.prediction
        return torch.bincount(pairs, minlength=num * num).view(num, num)

    @property
    def scores(self) -> Tensor:  # type: ignore[override]
        """(M,) 1 for each cloud classified right, 0 for the others."""
        return (self.prediction == self.target).float()

    @property
    def overall_accuracy(self) -> float:
        """Share of clouds classified right, in 0..1."""
        return float(self.confusion.diag().sum() / self.confusion.sum())

    @property
    def per_class(self) -> dict[str, float]:
        """Share classified right of each category that occurs, in 0..1."""
        confusion, names = self.confusion, self.taxonomy.categories
        recall = confusion.diag() / confusion.sum(1)  # NaN of a category that does not occur
        return {name: each for name, each in zip(names, recall.tolist(), strict=True) if each >= 0}

    @property
    def mean_class_accuracy(self) -> float:
        """Mean of :attr:`per_class`, in 0..1."""
        return fmean(self.per_class.values())


@dataclass(frozen=True, eq=False)
class PartResult(Result):
    """How M clouds of T points together were split into parts.

    Args:
        iou: (M,) each cloud's intersection over union, the mean over its category's parts.
        category: (M,) int64 category ids.
        taxonomy: names of the categories.
        prediction: (T,) int64 part ids; only parts of a cloud's own category are predicted.
        target: (T,) int64 part ids.
        ptr: (M + 1,) int64; cloud i owns the points ``ptr[i]`` to ``ptr[i + 1]``.
        confidence: (T,) the probability of the predicted part, among those of the category.
        true_probability: (T,) that of the true part; both None where only parts are known.
        category_probability: (M, C) of each category; None if the model was given it.
    """

    task = "segmentation"
    each = "per_category"

    iou: Tensor
    category: Tensor
    taxonomy: Taxonomy
    prediction: Tensor
    target: Tensor
    ptr: Tensor
    confidence: Tensor | None = None
    true_probability: Tensor | None = None
    category_probability: Tensor | None = None

    @property
    def scores(self) -> Tensor:  # type: ignore[override]
        """(M,) :attr:`iou`."""
        return self.iou

    @property
    def instance_miou(self) -> float:
        """Mean over all clouds, in 0..1."""
        return float(self.iou.mean())

    @property
    def per_category(self) -> dict[str, float]:
        """Mean over the clouds of each category that occurs, in 0..1."""
        names = self.taxonomy.categories
        return {
            names[i]: float(self.iou[self.category == i].mean())
            for i in self.category.unique().tolist()
        }

    @property
    def class_miou(self) -> float:
        """Mean of :attr:`per_category`, in 0..1."""
        return fmean(self.per_category.values())


for _task, _names in STANDARD.items():
    for _name in _names:
        register_metric(_name, _task)(attrgetter(_name))


def shape_iou(prediction: Tensor, truth: Tensor, parts: Sequence[int]) -> float:
    """Intersection over union of one shape's part ids (N,), the mean over its category's ``parts``.

    A part that is absent in both counts 1, as in PointNet's evaluation. Source: Yi et al., *A
    scalable active framework for region annotation in 3D shape collections*.
    """
    ids = torch.as_tensor(parts, device=truth.device).unsqueeze(1)
    predicted, true = prediction == ids, truth == ids  # (P, N)
    union = (predicted | true).sum(1)
    intersection = (predicted & true).sum(1)
    return float(torch.where(union == 0, 1.0, intersection / union.clamp(min=1)).mean())
