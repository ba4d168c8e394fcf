"""Mean and variance over all edges, out of sums by cloud, and what their gradients come to."""

from __future__ import annotations

import torch
from torch import Tensor


def join_moments(sums: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of all (C,), of (3, B, C) sums over ``count`` edges each, about values."""
    about, total, square = sums
    means = about + total / count
    mean = means.mean(0)
    within = square / count - (total / count).square()
    return mean, (within + (means - mean).square()).mean(0)


def edge_gradient(
    mean: Tensor, of_mean: Tensor | None, of_variance: Tensor | None, edges: int
) -> tuple[Tensor, Tensor]:
    """What mean and variance pass to an edge: constant + slope · its value; None passes nothing."""
    slope = torch.zeros_like(mean) if of_variance is None else 2 * of_variance / edges
    constant = -slope * mean
    return constant if of_mean is None else constant + of_mean / edges, slope
