"""Noise on the coordinates."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.transforms.base import Transform, changed, normal_noise, register_transform


@register_transform("jitter")
@dataclass(frozen=True)
class Jitter(Transform):
    """Add normal noise to every coordinate; normals stay.

    Args:
        std: standard deviation of the noise, in radii of the unit sphere.
        clip: noise is cut at this many standard deviations; ``inf``: not at all.
    """

    std: float = 0.01
    clip: float = 3.0

    def check(self) -> None:
        """Neither is negative."""
        self.require("std", 0)
        self.require("clip", 0)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        """See :meth:`Transform.apply`."""
        noise = normal_noise(tuple(batch.pos.shape), batch.pos, generator)
        return changed(batch, pos=batch.pos + self.std * noise.clamp_(-self.clip, self.clip))
