"""The operator that multiplies edges by a weight and takes the maximum, with its gradient.

It takes CPU tensors of one floating type, float32 or float64.
"""

from typing import Any

import torch
from torch import Tensor

from pcea.models.edges import packed_tiles, tiles
from pcea.models.edges.operators import edge_gradient, moments_by_sums
from pcea.models.edges.precision import bf16_is_faster
from pcea.operators import operator
from pcea.parallel import parallel_for

# No product may exceed it, because an infinite or undefined one has no place in the order of bits.
_GREATEST = 1e38
# Which edge has the maximum is 16 bits, too.
_MOST_NEIGHBORS = 1 << 15


def _packs(half: bool, near: Tensor, own: Tensor, index: Tensor, weight: Tensor) -> bool:
    """Whether tiles are packed: if that is wanted, faster, and possible for these values."""
    if not (half and near.dtype == torch.float32 and index.shape[2] <= _MOST_NEIGHBORS):
        return False
    if not bf16_is_faster():
        return False
    edge = _largest(near) + _largest(own)
    return edge * _largest(weight) * weight.shape[1] < _GREATEST  # not if anything is NaN


def _largest(values: Tensor) -> float:
    least, most = values.aminmax()
    return max(-least.item(), most.item()) if least.isfinite() else torch.nan


@operator("edge_linear_max")
def _edge_linear_max(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool, half: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The maximum; which edge has it; mean and variance. Without ``moments`` none or zeros."""
    batch, centers, k = index.shape
    weight, channels = weight.detach(), len(weight)
    best = near.new_empty(batch, centers, channels)
    arg = best.new_zeros(batch, centers if moments else 0, channels, dtype=torch.int32)
    sums = torch.zeros(2, batch, channels, dtype=torch.float64)
    about = near.new_zeros(channels)
    if moments:
        about += weight @ (near[0, index[0, 0]] + own[0, 0]).relu().mean(0)
    kind = packed_tiles if _packs(half, near, own, index, weight) else tiles
    whole = [each.detach().numpy() for each in (near, own, index, best, arg, *sums)]

    def run(low: int, high: int) -> None:
        tile = kind.Forward(weight, centers, k, about)
        for cloud in range(low, high):
            points, *of_centers, total, square = (each[cloud] for each in whole)
            for at in range(0, centers, tile.centers):
                own, neighbors, most, which = (each[at : at + tile.centers] for each in of_centers)
                if moments:
                    tile.maximum_and_moments(points, own, neighbors, most, which, total, square)
                else:
                    tile.maximum(points, own, neighbors, most)

    parallel_for(batch, run)
    return best, arg, *moments_by_sums(about, sums, index.numel())


@_edge_linear_max.register_fake
def _(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool, half: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    best, mean = near.new_empty(*index.shape[:2], len(weight)), near.new_empty(len(weight))
    arg = best if moments else best[:, :0]
    return best, torch.empty_like(arg, dtype=torch.int32), mean, torch.empty_like(mean)


@operator("edge_linear_max_backward")
def _edge_linear_max_gradient(
    near: Tensor,
    own: Tensor,
    index: Tensor,
    weight: Tensor,
    arg: Tensor,
    of_best: Tensor,
    constant: Tensor,
    slope: Tensor,
    half: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    batch, centers, k = index.shape
    channels, width = weight.shape
    of_near, of_own = torch.zeros_like(near), torch.empty_like(own)
    weight = weight.detach()
    kind: Any = tiles
    if _packs(half, near, own, index, weight):
        kind, of_best = packed_tiles, of_best.bfloat16().view(torch.int16)
    # Of each cloud, so that it does not matter which thread is done first.
    sums = weight.new_zeros(batch, width + channels + 1, width)
    whole = [each.detach().numpy() for each in (near, of_near, own, index, arg, of_best, of_own)]

    def run(low: int, high: int) -> None:
        tile = kind.Backward(weight, centers, k, constant, slope)
        for cloud in range(low, high):
            points, of_points, *of_centers = (each[cloud] for each in whole)
            for at in range(0, centers, tile.centers):
                own, neighbors, which, share, of_own = (
                    each[at : at + tile.centers] for each in of_centers
                )
                tile.gradients(points, own, neighbors, which, share, of_points, of_own, sums[cloud])

    parallel_for(batch, run)
    gram, of_weight, total = sums.sum(0).split([width, channels, 1])
    of_weight += constant.unsqueeze(1) * total + slope.unsqueeze(1) * (weight @ gram)
    return of_near, of_own, of_weight.clone()


_edge_linear_max_gradient.register_fake(
    lambda near, own, index, weight, *_: tuple(map(torch.empty_like, (near, own, weight)))
)


def _keep_edges(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _, arg, mean, _ = output
    ctx.save_for_backward(*inputs[:4], arg, mean)
    ctx.half = inputs[5]
    ctx.set_materialize_grads(False)


def _edge_linear_max_backward(
    ctx: Any, of_best: Tensor | None, _: Any, of_mean: Tensor | None, of_variance: Tensor | None
) -> tuple[Tensor | None, ...]:
    near, own, index, weight, arg, mean = ctx.saved_tensors
    if of_best is None:
        of_best = near.new_zeros(arg.shape)
    # Half precision around a backward pass is not meant for it.
    with torch.autocast("cpu", enabled=False):
        constant, slope = edge_gradient(mean, of_mean, of_variance, index.numel())
        of_near, of_own, of_weight = _edge_linear_max_gradient(
            near, own, index, weight, arg, of_best.contiguous(), constant, slope, ctx.half
        )
    return of_near, of_own, None, of_weight, None, None


_edge_linear_max.register_autograd(_edge_linear_max_backward, setup_context=_keep_edges)


def edge_linear_max(
    near: Tensor, own: Tensor, index: Tensor, weight: Tensor, moments: bool, half: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Maximum of W · relu(near_j + own_i) over each center's neighbors, and moments over all edges.

    In the backward pass the edges e = relu(near_j + own_i) are made again, the products z = W e
    are not: mean and variance pass constant + slope · z on to z, so that the gradient of e is
    affine in e and that of W takes Σ e and Σ e eᵀ alone. The maximum adds a k-th of that work.

    Beside W (D, C) it takes what :func:`edge_moments` does. It gives the maximum (B, M, D), the
    mean and the biased variance, (D,) each; without ``moments`` these are zeros, and no gradient
    flows. With ``half``, tiles of float32 features are multiplied in bf16, in the backward pass
    too, if this processor is faster at that. Products, and what each cloud adds to the gradient of
    W, are then rounded to bf16; centers, points, moments and sums over clouds stay in float32.
    """
    if not moments:
        near, own, weight = near.detach(), own.detach(), weight.detach()
    best, _, mean, variance = _edge_linear_max(
        near.contiguous(), own.contiguous(), index, weight.contiguous(), moments, half
    )
    return best, mean, variance
