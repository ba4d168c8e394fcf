"""The maximum of a linear layer behind edges relu(near_j + own_i), and its moments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pcea.geometry.kernels.compiled import parallel_for
from pcea.models.edges import kernels
from pcea.models.edges.sums import arrays, edge_gradient, join_moments

# Values of a tile, before or after the product: half a MiB, which a core's own cache holds.
TILE = 1 << 17


@torch.library.custom_op("pcea::edge_linear_max", mutates_args=())
def _edge_linear_max(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    batch, centers, k = index.shape
    rows = _centers_of_tile(k, weight)
    best = near.new_empty(batch, centers, len(weight))
    arg = torch.empty_like(best if moments else best[:0], dtype=torch.int32)
    # Of each cloud: what was subtracted, the sum, and the sum of squares.
    sums = torch.zeros(3, batch, len(weight), dtype=torch.float64)
    whole = arrays(near, own, index, best, arg)
    abouts, totals, squares = arrays(*sums)
    weight = weight.detach().t().contiguous()

    def run(low: int, high: int) -> None:
        before = near.new_empty(rows * k, near.shape[2])
        after = near.new_empty(rows * k, best.shape[2])
        edges, products = arrays(before, after)
        for cloud in range(low, high):
            points, own, neighbors, most = (each[cloud] for each in whole[:4])
            for at in range(0, centers, rows):
                part = slice(at, at + rows)
                count = len(own[part]) * k
                kernels.relu_edges(points, own[part], neighbors[part], edges)
                torch.mm(before[:count], weight, out=after[:count])
                if not moments:
                    values = after[:count].view(-1, k, best.shape[2])
                    torch.amax(values, 1, out=best[cloud, part])
                    continue
                if at == 0:
                    about = products[:k].mean(0)
                    abouts[cloud] = about
                kernels.maximum_and_moments(
                    products[:count],
                    about,
                    most[part],
                    whole[4][cloud, part],
                    totals[cloud],
                    squares[cloud],
                )

    parallel_for(batch, run)
    if not moments:
        return best, arg, near.new_empty(0), near.new_empty(0)
    mean, variance = join_moments(sums[0], sums[1], sums[2], centers * k)
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
    whole = arrays(near, of_near, own, index, arg, of_best, of_own)
    weight = weight.detach()
    # With z = W e and gradient constant + slope · z, the gradient of e is affine in e.
    square = weight.t() @ (slope.unsqueeze(1) * weight)  # (C, C)
    fixed = constant @ weight  # (C,)
    of_weight, total, gram = (dict[int, Tensor]() for _ in range(3))

    def run(low: int, high: int) -> None:
        before = near.new_empty(rows * k, near.shape[2])
        passed = torch.empty_like(before)
        edges, gradient = arrays(before, passed)
        of_weight[low] = torch.zeros_like(weight)
        total[low], gram[low] = torch.zeros_like(fixed), torch.zeros_like(square)
        strongest, factor = arrays(of_weight[low], weight)
        for cloud in range(low, high):
            points, of_points, *of_centers = (each[cloud] for each in whole)
            for at in range(0, centers, rows):
                own, neighbors, arg, of_best, of_own = (each[at : at + rows] for each in of_centers)
                count = len(own) * k
                held = before[:count]
                kernels.relu_edges(points, own, neighbors, edges)
                gram[low].addmm_(held.t(), held)
                total[low] += held.sum(0)
                torch.addmm(fixed, held, square, out=passed[:count])
                kernels.pass_maximum(
                    edges[:count], factor, arg, of_best, gradient[:count], strongest
                )
                kernels.collect_gradient(gradient, edges, neighbors, of_points, of_own)

    parallel_for(batch, run)
    # In the order of the clouds, whichever thread was done first.
    joined, sums, squares = (
        torch.stack([each[low] for low in sorted(each)]).sum(0) for each in (of_weight, total, gram)
    )
    joined += constant.unsqueeze(1) * sums + slope.unsqueeze(1) * (weight @ squares)
    return of_near, of_own, joined


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
    if of_best is None:
        of_best = near.new_zeros(arg.shape)
    # Half precision around a backward pass is not meant for it.
    with torch.autocast("cpu", enabled=False):
        constant, slope = edge_gradient(mean, of_mean, of_variance, index.numel())
        of_near, of_own, of_weight = _edge_linear_max_gradient(
            near, own, index, weight, arg, of_best.contiguous(), constant, slope
        )
    return of_near, of_own, None, of_weight, None


_edge_linear_max.register_autograd(_edge_linear_max_backward, setup_context=_keep_edges)


def edge_linear_max(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Maximum of W · relu(near_j + own_i) over each center's neighbors, and moments over all edges.

    In the backward pass the edges e = relu(near_j + own_i) are made again, the products z = W e
    are not: mean and variance pass constant + slope · z on to z, so that the gradient of e is
    affine in e and that of W takes Σ e and Σ e eᵀ alone. The maximum adds a k-th of that work.

    Beside W (D, C) it takes and gives what :func:`edge_max` does, with D for C.
    """
    best, _, mean, variance = _edge_linear_max(
        near.contiguous(), own.contiguous(), index.contiguous(), weight.contiguous(), moments
    )
    return best, mean, variance
