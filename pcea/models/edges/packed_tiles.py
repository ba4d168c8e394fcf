"""A tile of edges in bf16, which processors with matrix units multiply several times as fast.

A tile is packed while it is made, multiplied and added up in float32 by torch, and reduced as it
is, on its bits. Points, centers, moments and gradients of both stay in float32.
"""

import torch
from torch import Tensor

from pcea.models.edges import packed_kernels
from pcea.models.edges.kernels import Array

# Bytes of a tile. It is larger than a core's own cache, because small products are far slower.
TILE = 1 << 22
# Columns of a tile whose values are 1: one would do, but whole groups are multiplied faster.
ONES = 16


def packed(values: Tensor) -> Array:
    """The bits of bf16 values, int16."""
    bits: Array = values.view(torch.int16).numpy()
    return bits


class Forward:
    """What :class:`tiles.Forward` does."""

    def __init__(self, weight: Tensor, neighbors: int, about: Tensor) -> None:
        self.centers = max(1, TILE // (2 * neighbors * max(weight.shape)))
        self.weight = weight.t().bfloat16().contiguous()
        rows = self.centers * neighbors
        self.edges = torch.empty(rows, weight.shape[1], dtype=torch.bfloat16)
        self.products = torch.empty(rows, len(weight), dtype=torch.bfloat16)
        self.about = about.numpy()

    def maximum(self, near: Array, own: Array, index: Array, best: Array) -> None:
        """Write the maximum over each center's edges into ``best`` (M, D)."""
        packed_kernels.maximum(self._multiply(near, own, index), best)

    def maximum_and_moments(
        self,
        near: Array,
        own: Array,
        index: Array,
        best: Array,
        arg: Array,
        total: Array,
        square: Array,
    ) -> None:
        """Do what ``kernels.maximum_and_moments`` does, too."""
        products = self._multiply(near, own, index)
        packed_kernels.maximum_and_moments(products, self.about, best, arg, total, square)

    def _multiply(self, near: Array, own: Array, index: Array) -> Array:
        packed_kernels.pack_edges(near, own, index, packed(self.edges))
        count = index.size
        return packed(torch.mm(self.edges[:count], self.weight, out=self.products[:count]))


class Backward:
    """What :class:`tiles.Backward` does.

    A row of its tile is e, beside the gradient that the maximum passes to W e, and ones. So one
    product gives the gradients of all edges, and another one all sums over the edges.
    """

    def __init__(self, weight: Tensor, neighbors: int, constant: Tensor, slope: Tensor) -> None:
        self.centers = max(1, TILE // (2 * neighbors * max(weight.shape)))
        self.width = weight.shape[1]
        square = weight.t() @ (slope.unsqueeze(1) * weight)
        nothing = weight.new_zeros(ONES, self.width)
        self.factor = torch.cat([square, weight, nothing]).bfloat16()
        self.fixed = (constant @ weight).numpy()
        rows, columns = self.centers * neighbors, len(self.factor)
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
