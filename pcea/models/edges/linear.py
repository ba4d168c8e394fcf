"""The maximum of a linear layer behind edges relu(near_j + own_i), and its moments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pcea.geometry.kernels.compiled import spread
from pcea.models.edges import kernels
from pcea.models.edges.moments import edge_gradient, join_moments

# Values of a tile, before or after the product: half a MiB, which a core's own cache holds.
TILE = 1 << 17


@torch.library.custom_op("pcea::edge_linear_max", mutates_args=())
def _edge_linear_max(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    batch, centers, k = index.shape
    channels = len(weight)
    rows = _centers_of_tile(k, weight)
    best = near.new_empty(batch, centers, channels)
    arg = torch.empty_like(best if moments else best[:0], dtype=torch.int32)
    sums = torch.zeros(3, batch, channels, dtype=torch.float64)
    # Threads of our own know nothing of the caller's mode of autograd.
    near, own, weight = near.detach(), own.detach(), weight.detach().t()

    def run(low: int, high: int) -> None:
        before = near.new_empty(rows * k, near.shape[2])
        after = near.new_empty(rows * k, channels)
        for cloud in range(low, high):
            for at in range(0, centers, rows):
                part = slice(at, min(at + rows, centers))
                edges = (part.stop - part.start) * k
                kernels.relu_edges(
                    near[cloud].numpy(),
                    own[cloud, part].numpy(),
                    index[cloud, part].numpy(),
                    before[:edges].numpy(),
                )
                torch.mm(before[:edges], weight, out=after[:edges])
                if not moments:
                    kernels.maximum(after[:edges].numpy(), best[cloud, part].numpy())
                    continue
                if at == 0:
                    about = after[:k].mean(0)
                    sums[0, cloud] = about
                kernels.maximum_and_moments(
                    after[:edges].numpy(),
                    about.numpy(),
                    best[cloud, part].numpy(),
                    arg[cloud, part].numpy(),
                    sums[1, cloud].numpy(),
                    sums[2, cloud].numpy(),
                )

    spread(batch, run)
    if not moments:
        return best, arg, near.new_empty(0), near.new_empty(0)
    mean, variance = join_moments(sums, centers * k)
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
                kernels.relu_edges(
                    near[cloud].numpy(), own[cloud, part].numpy(), neighbors, before[:edges].numpy()
                )
                torch.mm(before[:edges], weight.t(), out=after[:edges])
                kernels.spread_gradient(
                    after[:edges].numpy(),
                    arg[cloud, part].numpy(),
                    of_best[cloud, part].numpy(),
                    constant.numpy(),
                    slope.numpy(),
                )
                grown.addmm_(after[:edges].t(), before[:edges])
                torch.mm(after[:edges], weight, out=passed[:edges])
                kernels.collect_gradient(
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
    ctx.set_materialize_grads(False)


def _edge_linear_max_backward(
    ctx: Any, of_best: Tensor | None, _: Any, of_mean: Tensor | None, of_variance: Tensor | None
) -> tuple[Tensor, Tensor, None, Tensor, None]:
    near, own, index, weight, arg, mean = ctx.saved_tensors
    constant, slope = edge_gradient(mean, of_mean, of_variance, index.numel())
    if of_best is None:
        of_best = near.new_zeros(arg.shape)
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
