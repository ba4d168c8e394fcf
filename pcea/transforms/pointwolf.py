"""PointWOLF: smooth local deformation."""

import math

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch
from pcea.geometry import farthest_point_sample, gather, unit_sphere
from pcea.transforms.affine import rotation_of_each, transform_normals
from pcea.transforms.base import Transform, changed, number, register_transform
from pcea.transforms.drawing import Shape, uniform, whole_numbers


@register_transform("pointwolf")
class PointWOLF(Transform):
    """Rotate, stretch and move the surroundings of each of a few anchors by its own random map.

    The anchors are farthest points. The map of each has a rotation, a stretch and a move with
    probability 1/2 each; stretch and move act along random axes. The new position of a point is
    the mean of those by all maps, weighted by a Gaussian of its distance to the anchors along
    random axes. The cloud is then scaled to the unit sphere. Normals follow the surface.
    Source: Kim et al., *Point Cloud Augmentation with Weighted Local Transformations*, ICCV 2021;
    defaults as in the authors' code.

    Args:
        anchors: the number of anchors.
        degrees: the largest rotation about each axis, to either side.
        scale: the largest stretch; the smallest is 1.
        reach: the longest move along each axis, to either side, in radii of the unit sphere.
        std: standard deviation of the Gaussian, in radii of the unit sphere.
    """

    anchors: int = number(4, 1, whole=True)
    degrees: float = number(10.0, 0, 180)
    scale: float = number(3.0, 1)
    reach: float = number(0.25, 0)
    std: float = number(0.5, 1e-6)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        pos = batch.pos
        anchor = self._anchors(pos, generator)  # (B, M, 3)
        matrix, move = self._maps(anchor, generator)  # (B, M, 3, 3), (B, M, 3)
        away = pos.unsqueeze(1) - anchor.unsqueeze(2)  # (B, M, N, 3)
        along = _axes((len(pos), 1), pos, generator).unsqueeze(2)  # (B, 1, 1, 3)
        exponent = -0.5 * (away * along).square().sum(-1) / self.std**2  # (B, M, N)
        weight = exponent.softmax(1).unsqueeze(-1)  # (B, M, N, 1)
        moved = away @ matrix + (anchor + move).unsqueeze(2)  # (B, M, N, 3)
        normal = batch.normal
        if normal is not None:
            # dy = dx J, where J has the maps and the derivative of their weights.
            slope = away * along / -(self.std**2)
            slope = weight * (slope - (weight * slope).sum(1, keepdim=True))  # (B, M, N, 3)
            jacobian = torch.einsum("bmn,bmij->bnij", weight.squeeze(-1), matrix)
            jacobian = jacobian + torch.einsum("bmni,bmnj->bnij", slope, moved)
            normal = transform_normals(normal, jacobian)
        return changed(batch, pos=unit_sphere((weight * moved).sum(1)), normal=normal)

    def _anchors(self, pos: Tensor, generator: Generator) -> Tensor:
        """Sample farthest points, beginning with a random point of each cloud."""
        total = pos.shape[1]
        first = whole_numbers((len(pos), 1), 0, total - 1, pos, generator)
        begun = gather(pos, (torch.arange(total, device=pos.device) + first) % total)
        return gather(begun, farthest_point_sample(begun, min(self.anchors, total)))

    def _maps(self, anchor: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        shape = tuple(anchor.shape[:2])
        turns, stretches, moves = (uniform((*shape, 3), 0, 1, anchor, generator) < 0.5).unbind(-1)
        axes = _axes(shape, anchor, generator)  # (B, M, 3)
        largest = math.radians(self.degrees)
        angle = uniform((*shape, 3), -largest, largest, anchor, generator) * turns.unsqueeze(-1)
        stretch = uniform((*shape, 3), 1, self.scale, anchor, generator)
        stretch = torch.where(stretches.unsqueeze(-1) & (axes > 0), stretch, 1.0)
        move = uniform((*shape, 3), -self.reach, self.reach, anchor, generator)
        matrix = rotation_of_each(angle) * stretch.unsqueeze(-2)  # (B, M, 3, 3)
        return matrix, move * axes * moves.unsqueeze(-1)


def _axes(shape: Shape, like: Tensor, generator: Generator) -> Tensor:
    """Choose one to three axes at random: (…, 3) of 0 and 1."""
    choice = whole_numbers((*shape, 1), 1, 7, like, generator)
    bits = torch.arange(3, device=choice.device)
    return (choice >> bits & 1).to(like.dtype)
