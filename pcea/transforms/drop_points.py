"""Random input dropout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.transforms.base import Transform, changed, register_transform, uniform


@register_transform("drop-points")
@dataclass(frozen=True)
class DropPoints(Transform):
    """Make a random share of each cloud's points its first point ("random input dropout").

    A dropped point is the first point in all: one that kept its own normal or label would say of
    the first point's place what holds elsewhere.

    Args:
        share: each cloud's share is uniform in 0 … this.

    Source:
        PointNet++'s and PCT's published training code, which has neither normals nor labels.
    """

    share: float = 0.875

    def check(self) -> None:
        """The share is one."""
        self.require("share", 0, 1)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        """See :meth:`Transform.apply`."""
        pos, normal, part = batch.pos, batch.normal, batch.part
        share = uniform((len(pos), 1), 0.0, self.share, pos, generator)
        dropped = uniform(tuple(pos.shape[:2]), 0.0, 1.0, pos, generator) <= share
        point = dropped.unsqueeze(-1)  # (B, N, 1)
        return changed(
            batch,
            pos=torch.where(point, pos[:, :1], pos),
            normal=None if normal is None else torch.where(point, normal[:, :1], normal),
            part=None if part is None else torch.where(dropped, part[:, :1], part),
        )
