"""Moments of edges near_j + own_i, and their maximum over each center's neighbors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pcea.geometry.kernels.compiled import parallel_for
from pcea.models.edges import kernels
from pcea.models.edges.kernels import Array


def arrays(*tensors: Tensor) -> list[Array]:
    """The tensors as what the compiled loops take."""
    return [tensor.detach().numpy() for tensor in tensors]


def join_moments(
    abouts: Tensor, totals: Tensor, squares: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Mean and variance of all (C,), of (B, C) sums over ``count`` edges each, about values."""
    means = abouts + totals / count
    mean = means.mean(0)
    within = squares / count - (totals / count).square()
    return mean, (within + (means - mean).square()).mean(0)


def edge_gradient(
    mean: Tensor, of_mean: Tensor | None, of_variance: Tensor | None, edges: int
) -> tuple[Tensor, Tensor]:
    """What mean and variance pass to an edge: constant + slope · its value; None passes nothing."""
    slope = torch.zeros_like(mean) if of_variance is None else 2 * of_variance / edges
    constant = -slope * mean
    return constant if of_mean is None else constant + of_mean / edges, slope


@torch.library.custom_op("pcea::edge_sums", mutates_args=())
def _edge_sums(
    near: Tensor, own: Tensor, index: Tensor, maximum: bool, moments: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Mean, variance, maximum, each where asked for; then what the backward pass needs."""
    mean, of_center, of_point, degree = _like_edges(near, own, moments)
    best = torch.empty_like(own if maximum else own[:0])
    arg = torch.empty_like(best, dtype=torch.int32)
    # Of each cloud: what was subtracted, the sum, and the sum of squares.
    abouts = near.new_zeros(len(near), near.shape[2])
    totals, squares = torch.zeros(2, *abouts.shape, dtype=torch.float64)
    ends = arrays(near, own, index)
    sums = arrays(abouts, of_center, of_point, degree, totals, squares)
    most = arrays(best, arg)

    def run(low: int, high: int) -> None:
        clouds = [each[low:high] for each in ends]
        if moments:
            kernels.sum_edges(*clouds, *(each[low:high] for each in sums))
        if maximum:
            kernels.strongest_neighbor(*clouds, *(each[low:high] for each in most))

    parallel_for(len(near), run)
    variance = mean.clone()
    if moments:
        joined = join_moments(abouts.double(), totals, squares, index[0].numel())
        mean, variance = (each.to(near.dtype) for each in joined)
    return mean, variance, best, arg, of_center, of_point, degree


@_edge_sums.register_fake
def _(
    near: Tensor, own: Tensor, index: Tensor, maximum: bool, moments: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    mean, of_center, of_point, degree = _like_edges(near, own, moments)
    best = torch.empty_like(own if maximum else own[:0])
    arg = torch.empty_like(best, dtype=torch.int32)
    return mean, mean.clone(), best, arg, of_center, of_point, degree


def _like_edges(near: Tensor, own: Tensor, moments: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if not moments:
        near, own = near[:0, :, :0], own[:0]
    mean, degree = near.new_empty(near.shape[2]), near.new_zeros(near.shape[:2])
    return mean, torch.zeros_like(own), torch.zeros_like(near), degree


@torch.library.custom_op("pcea::edge_sums_backward", mutates_args=())
def _edge_sums_gradient(
    near: Tensor,
    own: Tensor,
    arg: Tensor,
    of_center: Tensor,
    of_point: Tensor,
    degree: Tensor,
    of_best: Tensor,
    constant: Tensor,
    slope: Tensor,
) -> tuple[Tensor, Tensor]:
    of_near, of_own = torch.empty_like(near), torch.empty_like(own)
    ends = arrays(near, own, degree, of_point, of_center)
    moments, gradients = arrays(constant, slope), arrays(of_near, of_own)
    most = arrays(arg, of_best)

    def run(low: int, high: int) -> None:
        clouds, maximum, grown = (
            [each[low:high] for each in several] for several in (ends, most, gradients)
        )
        kernels.edges_gradient(*clouds, *moments, *maximum, *grown)

    parallel_for(len(near), run)
    return of_near, of_own


@_edge_sums_gradient.register_fake
def _(near: Tensor, own: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return torch.empty_like(near), torch.empty_like(own)


def _keep_sums(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    near, own, index, *_ = inputs
    mean, _, _, arg, of_center, of_point, degree = output
    ctx.save_for_backward(near, own, mean, arg, of_center, of_point, degree)
    ctx.k = index.shape[2]
    # Or zeros would be made for all that no gradient comes to, as large as the features.
    ctx.set_materialize_grads(False)


def _edge_sums_backward(
    ctx: Any, of_mean: Tensor | None, of_variance: Tensor | None, of_best: Tensor | None, *_: Any
) -> tuple[Tensor, Tensor, None, None, None]:
    near, own, mean, arg, of_center, of_point, degree = ctx.saved_tensors
    constant, slope = edge_gradient(mean, of_mean, of_variance, own[..., 0].numel() * ctx.k)
    if of_best is None:
        of_best, arg = own[:0], arg[:0]
    of_near, of_own = _edge_sums_gradient(
        near, own, arg, of_center, of_point, degree, of_best.contiguous(), constant, slope
    )
    return of_near, of_own, None, None, None


_edge_sums.register_autograd(_edge_sums_backward, setup_context=_keep_sums)


def edge_moments(near: Tensor, own: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Find mean and biased variance, (C,) each, of near_j + own_i over all edges of a batch.

    ``index`` (B, M, k) int64 says which points, ``near`` (B, N, C), are near which centers, ``own``
    (B, M, C).
    """
    mean, variance, *_ = _edge_sums(near.contiguous(), own.contiguous(), index, False, True)
    return mean, variance


def edge_max(
    near: Tensor, own: Tensor, index: Tensor, moments: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Maximum of the edges of :func:`edge_moments` at each center, (B, M, C), and their moments.

    The gradient of the maximum goes to the first neighbor that has it. Mean and variance are empty
    where ``moments`` is false; then no gradient flows.
    """
    near, own = near.contiguous(), own.contiguous()
    mean, variance, best, *_ = _edge_sums(near, own, index, True, moments)
    return best, mean, variance
