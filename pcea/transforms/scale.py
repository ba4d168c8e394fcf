"""Stretching clouds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.transforms.base import Transform, changed, register_transform, uniform


@register_transform("scale")
@dataclass(frozen=True)
class Scale(Transform):
    """Stretch each cloud along each axis by its own random factor.

    Normals turn as the surface does.

    Args:
        low: the smallest factor.
        high: the largest factor.
        same: whether one factor serves all three axes. Default false.
    """

    low: float = 0.67
    high: float = 1.5
    same: bool = False

    def check(self) -> None:
        """The factors are above 0 and in order."""
        self.require("low", 1e-9)
        self.require("high", self.low)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        """See :meth:`Transform.apply`."""
        shape = (len(batch), 1, 1 if self.same else 3)
        factor = uniform(shape, self.low, self.high, batch.pos, generator)
        normal = batch.normal
        if normal is not None and not self.same:
            normal = torch.nn.functional.normalize(normal / factor, dim=-1)
        return changed(batch, pos=batch.pos * factor, normal=normal)
