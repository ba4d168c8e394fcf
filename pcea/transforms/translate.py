"""Moving clouds."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.transforms.base import Transform, changed, register_transform, uniform


@register_transform("translate")
@dataclass(frozen=True)
class Translate(Transform):
    """Move each cloud by a random vector.

    Args:
        reach: the longest move along each axis, to either side, in radii of the unit sphere.
    """

    reach: float = 0.2

    def check(self) -> None:
        """The reach is not negative."""
        self.require("reach", 0)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        """See :meth:`Transform.apply`."""
        move = uniform((len(batch), 1, 3), -self.reach, self.reach, batch.pos, generator)
        return changed(batch, pos=batch.pos + move)
