"""A tile of edges in bf16, which processors with matrix units multiply several times as fast.

A tile is packed while it is made, multiplied by torch, which adds up in float32, and reduced as it
is, on its bits.
"""

from typing import ClassVar

import torch
from torch import Tensor

from pcea.models.edges import packed_kernels, tiles
from pcea.models.edges.kernels import Array

# Bytes of a tile. It is larger than a core's own cache, because small products are far slower.
TILE = 1 << 22
# Columns of a tile whose values are 1: one would do, but whole groups are multiplied faster.
ONES = 16


def packed(values: Tensor) -> Array:
    """The bits of bf16 values, int16."""
    bits: Array = values.view(torch.int16).numpy()
    return bits


class Forward(tiles.Forward):
    """What :class:`tiles.Forward` does, for a weight in float32."""

    reduce: ClassVar = staticmethod(packed_kernels.maximum_and_moments)

    def __init__(self, weight: Tensor, centers: int, neighbors: int, about: Tensor) -> None:
        self.centers = tiles.centers_of_tile(TILE // 2, max(weight.shape), centers, neighbors)
        self.weight = weight.t().bfloat16().contiguous()
        rows = self.centers * neighbors
        self.edges = torch.empty(rows, weight.shape[1], dtype=torch.bfloat16)
        self.products = torch.empty(rows, len(weight), dtype=torch.bfloat16)
        self.about = about.numpy()

    def maximum(self, near: Array, own: Array, index: Array, best: Array) -> None:
        """Write the maximum over each center's edges into ``best`` (M, D)."""
        packed_kernels.maximum(self.multiply(near, own, index), best)

    def multiply(self, near: Array, own: Array, index: Array) -> Array:
        """Make the edges of some centers of a cloud, and their packed products, (M · k, D)."""
        packed_kernels.pack_edges(near, own, index, packed(self.edges))
        count = index.size
        return packed(torch.mm(self.edges[:count], self.weight, out=self.products[:count]))


class Backward:
    """What :class:`tiles.Backward` does, for a weight in float32.

    A row of its tile is e, beside the gradient that the maximum passes to W e, and ones. So one
    product gives the gradients of all edges, and another one all sums over the edges.
    """

    def __init__(
        self, weight: Tensor, centers: int, neighbors: int, constant: Tensor, slope: Tensor
    ) -> None:
        self.width = weight.shape[1]
        square = weight.t() @ (slope.unsqueeze(1) * weight)
        nothing = weight.new_zeros(ONES, self.width)
        self.factor = torch.cat([square, weight, nothing]).bfloat16()
        self.fixed = (constant @ weight).numpy()
        columns = len(self.factor)
        self.centers = tiles.centers_of_tile(TILE, columns, centers, neighbors)
        rows = self.centers * neighbors
        self.rows = torch.ones(rows, columns, dtype=torch.bfloat16)
        self.passed = torch.empty(rows, self.width, dtype=torch.bfloat16)
        self.sums = torch.empty(columns, self.width, dtype=torch.bfloat16)

    def gradients(
        self,
        near: Array,
        own: Array,
        index: Array,
        arg: Array,
        of_best: Array,
        of_near: Array,
        of_own: Array,
        sums: Tensor,
    ) -> None:
        """Add up the gradients of a tile; ``of_best`` is packed."""
        rows, passed_on = self.rows[: index.size], self.passed[: index.size]
        bits = packed(rows)
        packed_kernels.pack_edges(near, own, index, bits)
        packed_kernels.place_maximum(arg, of_best, bits, self.width)
        torch.mm(rows, self.factor, out=passed_on)
        torch.mm(rows.t(), rows[:, : self.width], out=self.sums)
        packed_kernels.add_packed(packed(self.sums[: len(sums)]), sums.numpy())
        packed_kernels.collect_gradient(packed(passed_on), self.fixed, bits, index, of_near, of_own)
