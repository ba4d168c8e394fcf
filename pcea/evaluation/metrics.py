"""The figures that results are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pcea.datasets.taxonomy import Taxonomy


@dataclass(frozen=True)
class ClassificationResult:
    """How well whole clouds were classified.

    Args:
        confusion: (C, C) int64 counts; rows are the truth, columns the prediction.
        taxonomy: names of the C categories.
    """

    confusion: Tensor
    taxonomy: Taxonomy

    @property
    def overall_accuracy(self) -> float:
        """Share of clouds classified right, in 0..1."""
        return float(self.confusion.diag().sum() / self.confusion.sum())

    @property
    def per_class(self) -> dict[str, float]:
        """Share classified right of each category that occurs, in 0..1."""
        total = self.confusion.sum(1)
        recall = self.confusion.diag() / total.clamp(min=1)
        names = self.taxonomy.categories
        return {names[i]: float(recall[i]) for i in total.nonzero()[:, 0].tolist()}

    @property
    def mean_class_accuracy(self) -> float:
        """Mean of :attr:`per_class`, in 0..1."""
        recalls = list(self.per_class.values())
        return sum(recalls) / len(recalls)

    def figures(self) -> dict[str, float]:
        """The figures by name; the first is the one that validation selects by."""
        return {
            "overall_accuracy": self.overall_accuracy,
            "mean_class_accuracy": self.mean_class_accuracy,
        }

    def summary(self) -> dict[str, Any]:
        """All figures, as they stand in files."""
        return {**self.figures(), "per_class": self.per_class}


@dataclass(frozen=True)
class PartResult:
    """How well clouds were split into parts.

    Args:
        iou: (M,) each cloud's intersection over union, the mean over its category's parts.
        category: (M,) int64 category ids.
        taxonomy: names of the categories.
    """

    iou: Tensor
    category: Tensor
    taxonomy: Taxonomy

    @property
    def instance_miou(self) -> float:
        """Mean over all clouds, in 0..1."""
        return float(self.iou.mean())

    @property
    def per_category(self) -> dict[str, float]:
        """Mean over the clouds of each category that occurs, in 0..1."""
        return {
            name: float(self.iou[self.category == i].mean())
            for i, name in enumerate(self.taxonomy.categories)
            if bool((self.category == i).any())
        }

    @property
    def class_miou(self) -> float:
        """Mean of :attr:`per_category`, in 0..1."""
        means = list(self.per_category.values())
        return sum(means) / len(means)

    def figures(self) -> dict[str, float]:
        """The figures by name; the first is the one that validation selects by."""
        return {"instance_miou": self.instance_miou, "class_miou": self.class_miou}

    def summary(self) -> dict[str, Any]:
        """All figures, as they stand in files."""
        return {**self.figures(), "per_category": self.per_category}


def classification_result(
    prediction: Tensor, truth: Tensor, taxonomy: Taxonomy
) -> ClassificationResult:
    """Compare predicted with true categories.

    Args:
        prediction: (M,) int64 category ids.
        truth: (M,) int64 category ids.
        taxonomy: names of the categories.

    Returns:
        The accuracies.
    """
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    confusion = multiclass_confusion_matrix(prediction, truth, len(taxonomy.categories))
    return ClassificationResult(confusion.cpu(), taxonomy)


def shape_iou(prediction: Tensor, truth: Tensor, parts: Sequence[int]) -> float:
    """Intersection over union of one shape, by ShapeNetPart's rule.

    Args:
        prediction: (N,) int64 part ids.
        truth: (N,) int64 part ids.
        parts: the part ids of the shape's category.

    Returns:
        The mean over ``parts``, in 0..1; a part absent in both prediction and truth counts 1.

    Source:
        Yi et al., *A scalable active framework for region annotation in 3D shape collections*;
        the rule for absent parts as PointNet's evaluation has it.
    """
    ids = torch.as_tensor(parts, device=truth.device).unsqueeze(1)
    predicted, true = prediction == ids, truth == ids  # (P, N)
    union = (predicted | true).sum(1)
    intersection = (predicted & true).sum(1)
    return float(torch.where(union == 0, 1.0, intersection / union.clamp(min=1)).mean())
