"""A tile of edges in the type of the features: made, multiplied, and reduced while in a cache."""

from typing import ClassVar

import torch
from torch import Tensor

from pcea.models.edges import kernels
from pcea.models.edges.kernels import Array

# Bytes of a tile, before or after the product: half a MiB, which a core's own cache holds.
TILE = 1 << 19


def centers_of_tile(size: int, values: int, centers: int, neighbors: int) -> int:
    """Return how many centers of a cloud share a tile of ``size`` values, ``values`` of an edge."""
    most = max(1, size // (neighbors * values))
    tiles = -(-centers // most)
    return max(1, -(-centers // max(1, tiles)))  # tiles of equal size


class Forward:
    """The products of the edges of one tile after the other with a weight, and their maximum.

    Args:
        weight: (D, C).
        centers: how many centers a cloud has.
        neighbors: edges k of a center.
        about: (D,), what the moments are taken about.
    """

    reduce: ClassVar = staticmethod(kernels.maximum_and_moments)

    def __init__(self, weight: Tensor, centers: int, neighbors: int, about: Tensor) -> None:
        size = TILE // weight.element_size()
        self.centers = centers_of_tile(size, max(weight.shape), centers, neighbors)
        self.weight = weight.t().contiguous()
        self.edges = weight.new_empty(self.centers * neighbors, weight.shape[1])
        self.products = weight.new_empty(self.centers * neighbors, len(weight))
        self.about = about.numpy()

    def maximum(self, near: Array, own: Array, index: Array, best: Array) -> None:
        """Write the maximum over each center's edges into ``best`` (M, D)."""
        products = torch.from_numpy(self.multiply(near, own, index))
        torch.amax(products.view(*index.shape, -1), 1, out=torch.from_numpy(best))

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
        self.reduce(self.multiply(near, own, index), self.about, best, arg, total, square)

    def multiply(self, near: Array, own: Array, index: Array) -> Array:
        """Make the edges of some centers of a cloud, and their products, (M · k, D)."""
        kernels.relu_edges(near, own, index, self.edges.numpy())
        count = index.size
        torch.mm(self.edges[:count], self.weight, out=self.products[:count])
        products: Array = self.products[:count].numpy()
        return products


class Backward:
    """The gradients of the edges of one tile after the other, of the points and of the weight.

    Args:
        weight: (D, C).
        centers: how many centers a cloud has.
        neighbors: edges k of a center.
        constant, slope: (D,), what the moments pass to a product z: constant + slope · z.
    """

    def __init__(
        self, weight: Tensor, centers: int, neighbors: int, constant: Tensor, slope: Tensor
    ) -> None:
        size = TILE // weight.element_size()
        self.centers = centers_of_tile(size, max(weight.shape), centers, neighbors)
        self.weight = weight
        # With z = W e and gradient constant + slope · z, the gradient of e is affine in e.
        self.square = weight.t() @ (slope.unsqueeze(1) * weight)  # (C, C)
        self.fixed = constant @ weight  # (C,)
        self.edges = weight.new_empty(self.centers * neighbors, weight.shape[1])
        self.passed = torch.empty_like(self.edges)

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
        """Add up the gradients of a tile.

        ``of_near`` (N, C) and ``sums`` (C + D + 1, C) grow, the latter by Σ e eᵀ, by what the
        maximum passes to the weight, and by Σ e. ``of_own`` (M, C) is written.
        """
        width, count = len(self.square), index.size
        edges, passed = self.edges[:count], self.passed[:count]
        kernels.relu_edges(near, own, index, edges.numpy())
        gram, of_weight, total = sums.split([width, len(self.weight), 1])
        gram.addmm_(edges.t(), edges)
        total += edges.sum(0)
        torch.addmm(self.fixed, edges, self.square, out=passed)
        kernels.pass_maximum(
            edges.numpy(), self.weight.numpy(), arg, of_best, passed.numpy(), of_weight.numpy()
        )
        kernels.collect_gradient(passed.numpy(), edges.numpy(), index, of_near, of_own)
