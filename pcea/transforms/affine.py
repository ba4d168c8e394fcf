"""Scale, move, rotate and shear whole clouds."""

import math
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from pcea.datasets.clouds import Batch
from pcea.errors import InputError
from pcea.geometry import unit_sphere
from pcea.transforms.base import Transform, changed, number, register_transform
from pcea.transforms.drawing import Shape, Share, normal_noise, uniform

Axis = Literal["up", "tilt", "any", "each"]


@register_transform("scale")
class Scale(Transform):
    """Stretch each cloud along each axis by a random factor; normals follow the surface.

    Args:
        low: the smallest factor.
        high: the largest factor.
        same: whether all three axes have the same factor.
    """

    low: float = number(0.67, 1e-9)
    high: float = number(1.5)
    same: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.high < self.low:
            raise InputError(f"scale: high is {self.high}; it must be at least low, {self.low}")

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        shape = (len(batch), 1, 1 if self.same else 3)
        factor = uniform(shape, self.low, self.high, batch.pos, generator)
        normal = batch.normal
        if normal is not None and not self.same:
            normal = normalize(normal / factor, dim=-1)
        return changed(batch, pos=batch.pos * factor, normal=normal)


@register_transform("unit-sphere")
class UnitSphere(Transform):
    """Center each cloud on its mean, and scale its farthest point to distance 1."""

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        return changed(batch, pos=unit_sphere(batch.pos))


@register_transform("translate")
class Translate(Transform):
    """Move each cloud by a random vector.

    Args:
        reach: the longest move along each axis, to either side, in radii of the unit sphere.
    """

    reach: float = number(0.2, 0)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        move = uniform((len(batch), 1, 3), -self.reach, self.reach, batch.pos, generator)
        return changed(batch, pos=batch.pos + move)


@register_transform("rotate")
class Rotate(Transform):
    """Rotate each cloud and its normals about the origin by a random angle.

    Args:
        degrees: the largest angle, to either side; or the smallest and the largest angle.
        axis: ``up``: about the upright y axis; ``tilt``: about a random horizontal axis; ``any``:
            about a random axis, where 180 degrees make all rotations equally likely; ``each``:
            about z, then y, then x, by an independent angle each.
    """

    degrees: Share = number(180.0, -360, 360, pair=True)
    axis: Axis = "up"

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        turn = self._matrix(batch.pos, generator)  # (B, 3, 3)
        normal = None if batch.normal is None else times(batch.normal, turn)
        return changed(batch, pos=times(batch.pos, turn), normal=normal)

    def _matrix(self, pos: Tensor, generator: Generator) -> Tensor:
        count = len(pos)
        if self.axis == "each":
            return rotation_of_each(self._angle((count, 3), pos, generator))
        axis = pos.new_tensor([0, 1, 0])
        if self.axis != "up":
            axis = normal_noise((count, 3), pos, generator)
        if self.axis == "tilt":
            axis[:, 1] = 0
        if self.axis == "any":
            angle = self._angle_of_any(uniform((count,), 0, 1, pos, generator))
        else:
            angle = self._angle((count,), pos, generator)
        return rotation(normalize(axis, dim=-1), angle)

    def _angle(self, shape: Shape, pos: Tensor, generator: Generator) -> Tensor:
        if isinstance(self.degrees, tuple):
            low, high = map(math.radians, self.degrees)
            return uniform(shape, low, high, pos, generator)
        return uniform(shape, -1.0, 1.0, pos, generator) * math.radians(self.degrees)

    def _angle_of_any(self, quantile: Tensor) -> Tensor:
        """Draw angles θ of uniform rotations, of density 1 − cos θ, by bisection."""
        pair = self.degrees if isinstance(self.degrees, tuple) else (0.0, self.degrees)
        low, high = (torch.full_like(quantile, math.radians(each)) for each in pair)
        reached = torch.lerp(low - low.sin(), high - high.sin(), quantile)
        for _ in range(25):
            middle = (low + high) / 2
            below = middle - middle.sin() < reached
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return low


@register_transform("shear")
class Shear(Transform):
    """Add to each coordinate random multiples of the other two; normals follow the surface.

    Args:
        reach: the largest multiple, to either side; or the smallest and the largest size.
        upright: whether heights do not change.
    """

    reach: Share = number(0.2, 0, pair=True)
    upright: bool = False

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        low, high = self.reach if isinstance(self.reach, tuple) else (0.0, self.reach)
        drawn = uniform((len(batch), 3, 3), -1, 1, batch.pos, generator)
        multiple = drawn.sign() * low + drawn * (high - low)
        one = torch.eye(3, device=drawn.device, dtype=drawn.dtype)
        matrix = multiple * (1 - one) + one
        if self.upright:
            matrix[..., 1] = one[1]
        normal = transform_normals(batch.normal, matrix.unsqueeze(1))
        return changed(batch, pos=times(batch.pos, matrix), normal=normal)


def times(points: Tensor, matrix: Tensor) -> Tensor:
    """Compute ``points @ matrix``, (B, N, 3), with matrices (B, 3, 3).

    Products of matrices round in an order that depends on the machine and on the batch.
    """
    a, b, c = matrix.unsqueeze(1).unbind(2)  # (B, 1, 3) each
    x, y, z = points.split(1, dim=-1)  # (B, N, 1) each
    return x * a + y * b + z * c


def rotation(axis: Tensor, angle: Tensor) -> Tensor:
    """Make matrices (…, 3, 3) so that ``points @ matrix`` is rotated about (…, 3) unit axes."""
    x, y, z = axis.expand(*angle.shape, 3).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).unflatten(-1, (3, 3))
    sin, cos = angle.sin()[..., None, None], angle.cos()[..., None, None]
    one = torch.eye(3, device=axis.device, dtype=axis.dtype)
    return sin * cross + (1 - cos) * (cross @ cross) + one


def rotation_of_each(angle: Tensor) -> Tensor:
    """Make matrices (…, 3, 3) that rotate about z, y and x in turn by angles (…, 3) of x, y, z."""
    axes = torch.eye(3, device=angle.device, dtype=angle.dtype)
    x, y, z = rotation(axes, angle).unbind(-3)
    return z @ y @ x


def transform_normals(normal: Tensor | None, matrix: Tensor) -> Tensor | None:
    """Compute (B, N, 3) normals of the surface whose points become ``points @ matrix``.

    The matrices are (B, N or 1, 3, 3). Normals of zero stay zero.
    """
    # The cofactors do the same as the transposed inverse, and always exist.
    if normal is None:
        return None
    a, b, c = matrix.unbind(-2)
    cross = torch.linalg.cross
    cofactors = torch.stack([cross(b, c), cross(c, a), cross(a, b)], -2)
    return normalize((normal.unsqueeze(-2) @ cofactors).squeeze(-2), dim=-1)
