"""The operators on edges without a layer between: moments, and maximum.

They take CPU tensors of one floating type, float32 or float64.
"""

from typing import Any

import torch
from torch import Tensor

from pcea.models.edges import kernels
from pcea.models.edges.kernels import Array
from pcea.operators import operator
from pcea.parallel import parallel_for


def _arrays(*tensors: Tensor) -> list[Array]:
    """The tensors as what the compiled loops take."""
    return [tensor.detach().numpy() for tensor in tensors]


def moments_by_sums(about: Tensor, sums: Tensor, edges: int) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) by float64 sums (2, B, C) of edges less ``about``, and of squares."""
    off, square = sums.sum(1) / edges
    return (about + off).to(about.dtype), (square - off.square()).to(about.dtype)


def edge_gradient(
    mean: Tensor, of_mean: Tensor | None, of_variance: Tensor | None, edges: int
) -> tuple[Tensor, Tensor]:
    """What mean and variance pass to an edge: constant + slope · its value; None passes nothing."""
    slope = torch.zeros_like(mean) if of_variance is None else 2 * of_variance / edges
    constant = -slope * mean
    return constant if of_mean is None else constant + of_mean / edges, slope


def _about(near: Tensor, own: Tensor, index: Tensor) -> Tensor:
    """A value near the mean of the edges, (C,): the mean of one center's."""
    return near[0, index[0, 0]].mean(0) + own[0, 0]


def _sum_edges(
    near: Tensor, own: Tensor, index: Tensor, *maximum: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance (C,) of the edges, and each center's sum of neighbors (B, M, C).

    ``maximum`` are the tensors that the maximum is written to, if it is wanted too.
    """
    about, of_center = _about(near, own, index), torch.empty_like(own)
    squares = torch.zeros(len(near), near.shape[2], dtype=torch.float64)
    (off,) = _arrays(about)
    batch = _arrays(near, own, index, of_center, squares, *maximum)
    run = kernels.sum_and_strongest if maximum else kernels.sum_edges
    parallel_for(len(near), lambda low, high: run(off, *(each[low:high] for each in batch)))
    k = index.shape[2]
    totals = [each.sum((0, 1), dtype=torch.float64) for each in (of_center, own)]
    mean = (totals[0] + k * totals[1]) / index.numel()
    variance = squares.sum(0) / index.numel() - (mean - about).square()
    return mean.to(near.dtype), variance.to(near.dtype), of_center


@operator("edge_moments")
def _edge_moments(near: Tensor, own: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return _sum_edges(near, own, index)


@_edge_moments.register_fake
def _(near: Tensor, own: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean = near.new_empty(near.shape[2])
    return mean, torch.empty_like(mean), torch.empty_like(own)


@operator("edge_gradient")
def _edge_gradients(
    near: Tensor,
    own: Tensor,
    index: Tensor,
    of_center: Tensor,
    constant: Tensor,
    slope: Tensor,
    arg: Tensor,
    of_best: Tensor,
) -> tuple[Tensor, Tensor]:
    """The gradients of the points and of the centers, see ``kernels.pass_to_points``."""
    k, of_near = index.shape[2], torch.empty_like(near)
    whole = _arrays(near, own, index, arg, of_best, of_near)
    change = _arrays(constant, slope)

    def run(low: int, high: int) -> None:
        near, own, index, arg, of_best, of_near = (each[low:high] for each in whole)
        kernels.pass_to_points(near, own, index, *change, arg, of_best, of_near)

    parallel_for(len(near), run)
    of_own = (of_center + k * own).mul_(slope).add_(k * constant)
    return of_near, of_own.add_(of_best) if of_best.numel() else of_own


_edge_gradients.register_fake(lambda near, own, *_: (torch.empty_like(near), torch.empty_like(own)))


def _keep_moments(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    mean, _, of_center = output
    near, own, index = inputs
    nothing = index.new_empty(len(near), 0, near.shape[2], dtype=torch.int32)
    ctx.save_for_backward(near, own, index, of_center, mean, nothing)
    # Zeros as large as the features would be made for outputs without a gradient.
    ctx.set_materialize_grads(False)


def _edge_moments_backward(
    ctx: Any, of_mean: Tensor | None, of_variance: Tensor | None, *_: Any
) -> tuple[Tensor, Tensor, None]:
    *inputs, mean, arg = ctx.saved_tensors
    constant, slope = edge_gradient(mean, of_mean, of_variance, inputs[2].numel())
    of_best = mean.new_empty(arg.shape)
    return *_edge_gradients(*inputs, constant, slope, arg, of_best), None


_edge_moments.register_autograd(_edge_moments_backward, setup_context=_keep_moments)


def edge_moments(near: Tensor, own: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Find mean and biased variance, (C,) each, of near_j + own_i over all edges of a batch.

    ``index`` (B, M, k) int64 says which points, ``near`` (B, N, C), are near which centers, ``own``
    (B, M, C).
    """
    mean, variance, _ = _edge_moments(near.contiguous(), own.contiguous(), index)
    return mean, variance


@operator("edge_max")
def _edge_max(
    near: Tensor, own: Tensor, index: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The maximum; and, zeros without ``moments``, what the backward pass takes.

    These are mean and variance, each center's sum, and which point has the maximum.
    """
    best, arg = torch.empty_like(own), torch.zeros_like(own, dtype=torch.int32)
    if moments:
        mean, variance, of_center = _sum_edges(near, own, index, best, arg)
        return best, mean, variance, of_center, arg
    whole = _arrays(near, own, index, best)
    parallel_for(len(near), lambda low, high: kernels.strongest(*(x[low:high] for x in whole)))
    mean = near.new_zeros(near.shape[2])
    return best, mean, torch.zeros_like(mean), torch.zeros_like(own), arg


@_edge_max.register_fake
def _(
    near: Tensor, own: Tensor, index: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    mean, arg = near.new_empty(near.shape[2]), torch.empty_like(own, dtype=torch.int32)
    return torch.empty_like(own), mean, torch.empty_like(mean), torch.empty_like(own), arg


def _keep_arg(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _, mean, _, of_center, arg = output
    ctx.save_for_backward(*inputs[:3], of_center, mean, arg)
    ctx.set_materialize_grads(False)


def _edge_max_backward(
    ctx: Any, of_best: Tensor | None, of_mean: Tensor | None, of_variance: Tensor | None, *_: Any
) -> tuple[Tensor | None, ...]:
    *inputs, mean, arg = ctx.saved_tensors
    constant, slope = edge_gradient(mean, of_mean, of_variance, inputs[2].numel())
    if of_best is None:
        of_best = inputs[1].new_zeros(arg.shape)
    return *_edge_gradients(*inputs, constant, slope, arg, of_best.contiguous()), None, None


_edge_max.register_autograd(_edge_max_backward, setup_context=_keep_arg)


def edge_max(
    near: Tensor, own: Tensor, index: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the maximum of the edges at each center, (B, M, C), and what :func:`edge_moments` finds.

    The gradient of a maximum goes to the first neighbor that has it. Without ``moments``, mean and
    variance are zeros, and no gradient flows.
    """
    if not moments:
        near, own = near.detach(), own.detach()
    best, mean, variance, *_ = _edge_max(near.contiguous(), own.contiguous(), index, moments)
    return best, mean, variance
