"""Mean and variance over all edges, out of sums by cloud, and what their gradients come to."""

from __future__ import annotations

from torch import Tensor


def join_moments(sums: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of all (C,), of (3, B, C) sums over ``count`` edges each, about values."""
    about, total, square = sums
    means = about + total / count
    mean = means.mean(0)
    within = square / count - (total / count).square()
    return mean, (within + (means - mean).square()).mean(0)


def edge_gradient(
    mean: Tensor, of_mean: Tensor, of_variance: Tensor, edges: int
) -> tuple[Tensor, Tensor]:
    """What mean and variance pass to an edge: constant + slope · its value."""
    slope = 2 * of_variance / edges
    return of_mean / edges - slope * mean, slope
