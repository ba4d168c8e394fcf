"""Mean and variance over all edges, out of sums by cloud, and what their gradients come to."""

from __future__ import annotations

import torch
from torch import Tensor

from pcea.models.edges.kernels import Array


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


def arrays(*tensors: Tensor) -> list[Array]:
    """The tensors as what the compiled loops take."""
    return [tensor.detach().numpy() for tensor in tensors]
