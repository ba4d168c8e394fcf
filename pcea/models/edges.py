"""What PCT's sample-and-group computes on the edges of its neighborhood graph, never held whole.

An edge leads from a center i to one of its k neighbors j and carries near_j + own_i. There are
B · M · k of them, with C channels each: by far the largest tensors of the network, and moving them
costs more than multiplying them. Here they are made, multiplied and reduced a tile at a time, in a
core's own cache, the clouds shared out over the threads.

The operators take CPU tensors of one floating type, float32 or float64.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pcea.geometry.kernels.compiled import spread
from pcea.models import edge_kernels

# Values of a tile, before or after the product: half a MiB, which a core's own cache holds.
TILE = 1 << 17


@torch.library.custom_op("pcea::edge_moments", mutates_args=())
def _edge_moments(
    near: Tensor, own: Tensor, index: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    batch, total, _ = near.shape
    of_center, of_point = torch.empty_like(own), torch.zeros_like(near)
    degree = near.new_zeros(batch, total)
    tensors = (near, own, index, of_center, of_point, degree)
    arrays = [each.detach().numpy() for each in tensors]

    def sum_clouds(low: int, high: int) -> None:
        for cloud in range(low, high):
            edge_kernels.sum_edges(*(array[cloud] for array in arrays))

    spread(batch, sum_clouds)
    edges, k = index.numel(), index.shape[2]
    mean_near, mean_own = of_center.sum((0, 1)) / edges, own.mean((0, 1))
    near, own = near - mean_near, own - mean_own
    # (near_j + own_i)² over all edges, by what they are made of.
    square = (degree.unsqueeze(2) * near * near).sum((0, 1)) + k * (own * own).sum((0, 1))
    square += 2 * (own * (of_center - k * mean_near)).sum((0, 1))
    return mean_near + mean_own, square / edges, of_center, of_point, degree


@_edge_moments.register_fake
def _(near: Tensor, own: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    mean = near.new_empty(near.shape[2])
    degree = near.new_empty(near.shape[:2])
    return mean, mean.clone(), torch.empty_like(own), torch.empty_like(near), degree


def _keep_sums(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    near, own, index = inputs
    mean, _, of_center, of_point, degree = output
    ctx.save_for_backward(near, own, mean, of_center, of_point, degree)
    ctx.k = index.shape[2]


def _moments_backward(
    ctx: Any, of_mean: Tensor, of_variance: Tensor, *_: Any
) -> tuple[Tensor, Tensor, None]:
    near, own, mean, of_center, of_point, degree = ctx.saved_tensors
    edges = own.shape[0] * own.shape[1] * ctx.k
    # The gradient of an edge is constant + slope · (near_j + own_i).
    slope = 2 * of_variance / edges
    constant = of_mean / edges - slope * mean
    of_near = degree.unsqueeze(2) * (constant + slope * near) + slope * of_point
    of_own = ctx.k * (constant + slope * own) + slope * of_center
    return of_near, of_own, None


_edge_moments.register_autograd(_moments_backward, setup_context=_keep_sums)


def edge_moments(near: Tensor, own: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of near_j + own_i over all edges of a batch.

    Args:
        near: (B, N, C) features of the points.
        own: (B, M, C) features of the centers.
        index: (B, M, k) int64 neighbors of the centers, indices into N.

    Returns:
        (C,) mean and (C,) variance, the biased one, by which BatchNorm normalises.
    """
    mean, variance, *_ = _edge_moments(near, own, index)
    return mean, variance


@torch.library.custom_op("pcea::neighbor_max", mutates_args=())
def _neighbor_max(near: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    best = near.new_empty(*index.shape[:2], near.shape[2])
    arg = torch.empty_like(best, dtype=torch.long)
    arrays = [each.detach().numpy() for each in (near, index, best, arg)]

    def find(low: int, high: int) -> None:
        for cloud in range(low, high):
            edge_kernels.strongest_neighbor(*(array[cloud] for array in arrays))

    spread(len(near), find)
    return best, arg


@_neighbor_max.register_fake
def _(near: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    best = near.new_empty(*index.shape[:2], near.shape[2])
    return best, torch.empty_like(best, dtype=torch.long)


def _keep_arg(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.save_for_backward(output[1])
    ctx.shape = inputs[0].shape


def _neighbor_max_backward(ctx: Any, of_best: Tensor, _: Any) -> tuple[Tensor, None]:
    (arg,) = ctx.saved_tensors
    return of_best.new_zeros(ctx.shape).scatter_add_(1, arg, of_best), None


_neighbor_max.register_autograd(_neighbor_max_backward, setup_context=_keep_arg)


def edge_max(near: Tensor, own: Tensor, index: Tensor) -> Tensor:
    """Maximum of near_j + own_i over each center's neighbors.

    Args:
        near: (B, N, C) features of the points.
        own: (B, M, C) features of the centers.
        index: (B, M, k) int64 neighbors of the centers, indices into N.

    Returns:
        (B, M, C); the gradient goes to the first neighbor that has the maximum.
    """
    best, _ = _neighbor_max(near, index)
    return best + own


@torch.library.custom_op("pcea::edge_linear_max", mutates_args=())
def _edge_linear_max(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    batch, centers, k = index.shape
    channels = len(weight)
    rows = _centers_of_tile(k, weight)
    tiles = -(-centers // rows)
    best = near.new_empty(batch, centers, channels)
    arg = torch.empty_like(best if moments else best[:0], dtype=torch.int32)
    # Of each tile: what was subtracted, the sum, and the sum of squares.
    sums = near.new_zeros(3, batch, tiles, channels)
    # Threads of our own know nothing of the caller's mode of autograd.
    near, own, weight = near.detach(), own.detach(), weight.detach().t()

    def run(low: int, high: int) -> None:
        before = near.new_empty(rows * k, near.shape[2])
        after = near.new_empty(rows * k, channels)
        for cloud in range(low, high):
            for tile, at in enumerate(range(0, centers, rows)):
                part = slice(at, min(at + rows, centers))
                edges = (part.stop - part.start) * k
                edge_kernels.relu_edges(
                    near[cloud].numpy(),
                    own[cloud, part].numpy(),
                    index[cloud, part].numpy(),
                    before[:edges].numpy(),
                )
                torch.mm(before[:edges], weight, out=after[:edges])
                if not moments:
                    edge_kernels.maximum(after[:edges].numpy(), best[cloud, part].numpy())
                    continue
                about, total, square = sums[:, cloud, tile]
                torch.mean(after[:k], 0, out=about)
                edge_kernels.maximum_and_moments(
                    after[:edges].numpy(),
                    about.numpy(),
                    best[cloud, part].numpy(),
                    arg[cloud, part].numpy(),
                    total.numpy(),
                    square.numpy(),
                )

    spread(batch, run)
    if not moments:
        return best, arg, sums.new_empty(0), sums.new_empty(0)
    edges = near.new_full((tiles,), rows * k, dtype=torch.float64)
    edges[-1] = (centers - (tiles - 1) * rows) * k
    mean, variance = _join_moments(sums.double().flatten(1, 2), edges.repeat(batch))
    return best, arg, mean.to(near.dtype), variance.to(near.dtype)


@_edge_linear_max.register_fake
def _(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    best = near.new_empty(*index.shape[:2], len(weight))
    mean = near.new_empty(len(weight) if moments else 0)
    arg = torch.empty_like(best if moments else best[:0], dtype=torch.int32)
    return best, arg, mean, mean.clone()


def _centers_of_tile(k: int, weight: Tensor) -> int:
    return max(1, TILE // (k * max(weight.shape)))


def _join_moments(sums: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of all (C,), of the (3, T, C) sums of parts about values of their own."""
    about, total, square = sums
    count = count.unsqueeze(1)  # (T, 1)
    means = about + total / count
    mean = (count * means).sum(0) / count.sum()
    within = square - total * total / count
    return mean, (within + count * (means - mean).square()).sum(0) / count.sum()


@torch.library.custom_op("pcea::edge_linear_max_backward", mutates_args=())
def _edge_linear_max_gradient(
    near: Tensor,
    own: Tensor,
    index: Tensor,
    weight: Tensor,
    arg: Tensor,
    of_best: Tensor,
    constant: Tensor,
    slope: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    batch, centers, k = index.shape
    rows = _centers_of_tile(k, weight)
    of_near, of_own = torch.zeros_like(near), torch.empty_like(own)
    of_weight = dict[int, Tensor]()
    near, own, weight = near.detach(), own.detach(), weight.detach()
    of_best, constant, slope = of_best.detach(), constant.detach(), slope.detach()

    def run(low: int, high: int) -> None:
        before = near.new_empty(rows * k, near.shape[2])
        passed = torch.empty_like(before)
        after = near.new_empty(rows * k, len(weight))
        grown = torch.zeros_like(weight)
        for cloud in range(low, high):
            for at in range(0, centers, rows):
                part = slice(at, min(at + rows, centers))
                edges = (part.stop - part.start) * k
                neighbors = index[cloud, part].numpy()
                edge_kernels.relu_edges(
                    near[cloud].numpy(), own[cloud, part].numpy(), neighbors, before[:edges].numpy()
                )
                torch.mm(before[:edges], weight.t(), out=after[:edges])
                edge_kernels.spread_gradient(
                    after[:edges].numpy(),
                    arg[cloud, part].numpy(),
                    of_best[cloud, part].numpy(),
                    constant.numpy(),
                    slope.numpy(),
                )
                grown.addmm_(after[:edges].t(), before[:edges])
                torch.mm(after[:edges], weight, out=passed[:edges])
                edge_kernels.collect_gradient(
                    passed[:edges].numpy(),
                    before[:edges].numpy(),
                    neighbors,
                    of_near[cloud].numpy(),
                    of_own[cloud, part].numpy(),
                )
        of_weight[low] = grown

    spread(batch, run)
    # In the order of the clouds, whichever thread was done first.
    return of_near, of_own, torch.stack([of_weight[low] for low in sorted(of_weight)]).sum(0)


@_edge_linear_max_gradient.register_fake
def _(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, *_: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(near), torch.empty_like(own), torch.empty_like(weight)


def _keep_edges(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    near, own, index, weight, _ = inputs
    _, arg, mean, _ = output
    ctx.save_for_backward(near, own, index, weight, arg, mean)
    ctx.set_materialize_grads(True)


def _edge_linear_max_backward(
    ctx: Any, of_best: Tensor, _: Any, of_mean: Tensor, of_variance: Tensor
) -> tuple[Tensor, Tensor, None, Tensor, None]:
    near, own, index, weight, arg, mean = ctx.saved_tensors
    edges = index.numel()
    slope = 2 * of_variance / edges
    constant = of_mean / edges - slope * mean
    of_near, of_own, of_weight = _edge_linear_max_gradient(
        near, own, index, weight, arg, of_best.contiguous(), constant, slope
    )
    return of_near, of_own, None, of_weight, None


_edge_linear_max.register_autograd(_edge_linear_max_backward, setup_context=_keep_edges)


def edge_linear_max(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Maximum of W · relu(near_j + own_i) over each center's neighbors, and moments over all edges.

    The gradient with respect to an edge behind the product is constant + slope · its value, as
    mean and variance have it, plus what the maximum passes on to it: it is made again in the
    backward pass, as cheaply as in the forward one.

    Args:
        near: (B, N, C) features of the points.
        own: (B, M, C) features of the centers.
        index: (B, M, k) int64 neighbors of the centers, indices into N.
        weight: (D, C) the linear layer's.
        moments: whether mean and variance are wanted, or a gradient.

    Returns:
        (B, M, D) the maximum, whose gradient goes to the first neighbor that has it; (D,) mean and
        (D,) biased variance of W · relu(near_j + own_i) over all edges, empty if not wanted.
    """
    best, _, mean, variance = _edge_linear_max(
        near.contiguous(), own.contiguous(), index.contiguous(), weight.contiguous(), moments
    )
    return best, mean, variance
