"""Make normals what they are in practice: estimated, flipped or missing."""

from dataclasses import field

import torch
from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.geometry import estimate_normals
from pcea.transforms.base import Transform, changed, number, register_transform
from pcea.transforms.drawing import uniform


@register_transform("estimate-normals")
class EstimateNormals(Transform):
    """Estimate the normals of each cloud from its positions; nothing is random.

    Args:
        k: number of neighbors, including the point itself, to which a plane is fitted.
    """

    k: int = number(20, 3, whole=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        return changed(batch, normal=estimate_normals(batch.pos, k=self.k))


@register_transform("flip-normals")
class FlipNormals(Transform):
    """Flip normals to the other side of the surface, if there are any.

    Args:
        share: share of the points whose normals are flipped.
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
    """Set the normals of a cloud, if there are any, to zero, which means unknown."""

    probability: float = field(default=0.5, kw_only=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        if batch.normal is None:
            return batch
        return changed(batch, normal=torch.zeros_like(batch.normal))
