"""Quantization of coordinates, as by a coarse scanner or a voxel grid."""

from torch import Generator

from pcea.datasets import Batch
from pcea.transforms import Transform, changed, number, register_transform
from pcea.transforms.drawing import uniform


@register_transform("quantize")
class Quantize(Transform):
    """Round the coordinates of each cloud to a grid with cells of a random size.

    Normals and labels do not change.

    Args:
        largest: the largest size of a cell, in radii of the unit sphere.
    """

    largest: float = number(0.05, 0)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        size = uniform((len(batch), 1, 1), 0.0, self.largest, batch.pos, generator).clamp(min=1e-6)
        return changed(batch, pos=(batch.pos / size).round() * size)
