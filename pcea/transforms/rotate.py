"""Turning clouds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch
from pcea.errors import InputError
from pcea.transforms.base import Transform, changed, normal_noise, register_transform, uniform

AXES = ("up", "tilt", "any", "each")


@register_transform("rotate")
@dataclass(frozen=True)
class Rotate(Transform):
    """Turn each cloud about the origin by a random angle, its normals with it.

    Args:
        degrees: the largest angle, to either side; or the smallest and the largest angle.
        axis: ``up``: about the upright y axis; ``tilt``: about a random horizontal axis; ``any``:
            about a random axis, so that 180 degrees give every rotation alike; ``each``: about z,
            then y, then x, by an angle of its own each.
    """

    degrees: float | tuple[float, float] = 180.0
    axis: Literal["up", "tilt", "any", "each"] = "up"

    def check(self) -> None:
        """The angles are in order, and the axis is known."""
        self.require("degrees", -360 if isinstance(self.degrees, tuple) else 0, 360, pair=True)
        if self.axis not in AXES:
            raise InputError(f"rotate: axis is {self.axis!r}; it must be one of {', '.join(AXES)}")

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        """See :meth:`Transform.apply`."""
        turn = self._matrix(batch.pos, generator)  # (B, 3, 3)
        normal = None if batch.normal is None else batch.normal @ turn
        return changed(batch, pos=batch.pos @ turn, normal=normal)

    def _matrix(self, pos: Tensor, generator: Generator) -> Tensor:
        count = len(pos)
        if self.axis == "up":
            return _about_up(self._angle((count,), pos, generator))
        if self.axis == "each":
            axes = torch.eye(3, device=pos.device, dtype=pos.dtype).unsqueeze(1)  # (3, 1, 3)
            x, y, z = rotation(axes, self._angle((3, count), pos, generator))
            return z @ y @ x
        axis = normal_noise((count, 3), pos, generator)
        if self.axis == "tilt":
            axis[:, 1] = 0
            angle = self._angle((count,), pos, generator)
        else:
            angle = self._angle_of_any(uniform((count,), 0, 1, pos, generator))
        return rotation(torch.nn.functional.normalize(axis, dim=-1), angle)

    def _angle(self, shape: tuple[int, ...], pos: Tensor, generator: Generator) -> Tensor:
        if isinstance(self.degrees, tuple):
            low, high = map(math.radians, self.degrees)
            return uniform(shape, low, high, pos, generator)
        return uniform(shape, -1.0, 1.0, pos, generator) * math.radians(self.degrees)

    def _angle_of_any(self, quantile: Tensor) -> Tensor:
        """Among all rotations those by an angle θ are as many as 1 − cos θ: half the interval."""
        pair = self.degrees if isinstance(self.degrees, tuple) else (0.0, self.degrees)
        low, high = (torch.full_like(quantile, math.radians(each)) for each in pair)
        reached = torch.lerp(low - low.sin(), high - high.sin(), quantile)
        for _ in range(25):
            middle = (low + high) / 2
            below = middle - middle.sin() < reached
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return low


def rotation(axis: Tensor, angle: Tensor) -> Tensor:
    """The matrices that turn points, multiplied on their right, about axes.

    Args:
        axis: (…, 3) of length 1.
        angle: (…) in radians.

    Returns:
        (…, 3, 3), by Rodrigues' formula.
    """
    x, y, z = axis.expand(*angle.shape, 3).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).unflatten(-1, (3, 3))
    sin, cos = angle.sin()[..., None, None], angle.cos()[..., None, None]
    return sin * cross + (1 - cos) * (cross @ cross) + torch.eye(3, device=axis.device)


def _about_up(angle: Tensor) -> Tensor:
    cos, sin, zero, one = angle.cos(), angle.sin(), angle * 0, angle * 0 + 1
    return torch.stack([cos, zero, -sin, zero, one, zero, sin, zero, cos], -1).view(-1, 3, 3)
