"""Normals as they come: estimated, flipped, or missing."""

from dataclasses import field

import torch
from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.geometry import estimate_normals
from pcea.transforms.base import Transform, changed, number, register_transform
from pcea.transforms.drawing import uniform


@register_transform("estimate-normals")
class EstimateNormals(Transform):
    """Give each cloud the normals that its positions alone say; nothing is drawn.

    Args:
        k: neighbors of a point that its plane is fitted to, itself among them.
    """

    k: int = number(20, 3, whole=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        return changed(batch, normal=estimate_normals(batch.pos, k=self.k))


@register_transform("flip-normals")
class FlipNormals(Transform):
    """Turn normals to the other side of the surface, where there are any.

    Args:
        share: of the points whose normals are turned.
    """

    share: float = number(1.0, 0, 1)
    probability: float = field(default=0.5, kw_only=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        if batch.normal is None:
            return batch
        flipped = uniform((*batch.pos.shape[:2], 1), 0, 1, batch.pos, generator) < self.share
        return changed(batch, normal=torch.where(flipped, -batch.normal, batch.normal))


@register_transform("drop-normals")
class DropNormals(Transform):
    """Make all normals of a cloud zero, which says that they are not known, where there are any."""

    probability: float = field(default=0.5, kw_only=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        if batch.normal is None:
            return batch
        return changed(batch, normal=torch.zeros_like(batch.normal))
