"""Quantized coordinates, as a coarse scanner or a voxel grid leaves them."""

from torch import Generator

from pcea.datasets import Batch
from pcea.transforms import Transform, changed, number, register_transform
from pcea.transforms.drawing import uniform


@register_transform("quantize")
class Quantize(Transform):
    """Round the coordinates of each cloud to a grid whose cells have a random size.

    Normals and labels stay.

    Args:
        largest: size of the largest cells, in radii of the unit sphere.
    """

    largest: float = number(0.05, 0)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        size = uniform((len(batch), 1, 1), 0.0, self.largest, batch.pos, generator).clamp(min=1e-6)
        return changed(batch, pos=(batch.pos / size).round() * size)
