"""The loops over the edges of neighborhood graphs, compiled.

Arrays are numpy's, of one floating type: ``near`` (…, N, C) features of the points, ``own``
(…, M, C) of the centers, ``index`` (…, M, k) the neighbors of each center.
"""

from typing import Any

import numpy as np

from pcea.geometry.kernels.compiled import compiled

Array = np.ndarray[Any, np.dtype[Any]]


# The loops over whole clouds take a batch: threads that came back to Python after each cloud would
# wait for each other there.
@compiled
def sum_edges(
    about: Array,
    near: Array,
    own: Array,
    index: Array,
    of_center: Array,
    of_point: Array,
    degree: Array,
    totals: Array,
    squares: Array,
) -> None:
    """Add up the edges, and what each point and center needs of them for its gradient.

    It writes into zeros ``of_center`` (B, M, C), the sum of each center's edges; ``of_point``
    (B, N, C), that of each point's, which are ``degree`` (B, N) many; and ``totals`` and
    ``squares``, (B, C) float64, the sums of (edge − about), and of its square. With ``about``
    (C,), a value near the mean, little cancels.
    """
    for cloud in range(near.shape[0]):
        points, centers = near[cloud], own[cloud]
        center_sum, point_sum = of_center[cloud], of_point[cloud]
        for i in range(index.shape[1]):
            # A center's few edges are added up in their own precision, the centers in double.
            few, few_squares = np.zeros_like(about), np.zeros_like(about)
            for edge in range(index.shape[2]):
                j = index[cloud, i, edge]
                degree[cloud, j] += 1
                for c in range(near.shape[2]):
                    value = points[j, c] + centers[i, c]
                    center_sum[i, c] += value
                    point_sum[j, c] += value
                    off = value - about[c]
                    few[c] += off
                    few_squares[c] += off * off
            totals[cloud] += few
            squares[cloud] += few_squares


@compiled
def strongest_neighbor(near: Array, own: Array, index: Array, best: Array, arg: Array) -> None:
    """Find the maximum (B, M, C) of each center's edges, and the first point that has it, int32."""
    for cloud in range(near.shape[0]):
        points, most, which = near[cloud], best[cloud], arg[cloud]
        for i in range(index.shape[1]):
            most[i] = points[index[cloud, i, 0]]
            which[i] = index[cloud, i, 0]
            for edge in range(1, index.shape[2]):
                j = index[cloud, i, edge]
                for c in range(near.shape[2]):
                    value = points[j, c]
                    # NaN wins, as torch's maximum has it.
                    if value > most[i, c] or value != value:
                        most[i, c] = value
                        which[i, c] = j
            most[i] += own[cloud, i]


@compiled
def relu_edges(near: Array, own: Array, index: Array, edges: Array) -> None:
    """Fill in the edges of a tile of one cloud: (M · k, C) become max(near_j + own_i, 0)."""
    neighbors = index.shape[1]
    for i in range(index.shape[0]):
        for edge in range(neighbors):
            j, row = index[i, edge], i * neighbors + edge
            for c in range(near.shape[1]):
                value = near[j, c] + own[i, c]
                edges[row, c] = 0 if value < 0 else value


@compiled
def maximum_and_moments(
    edges: Array, about: Array, best: Array, arg: Array, total: Array, square: Array
) -> None:
    """Take the maximum over each center's edges (M · k, C), and add the edges up about ``about``.

    It writes the maximum, (M, C), and which of the k edges has it, the first of several, int32.
    ``total`` and ``square``, (C,) float64, grow by the sums of (edge − about), and of its square.
    """
    neighbors = edges.shape[0] // best.shape[0]
    for i in range(best.shape[0]):
        few, few_squares = np.zeros_like(about), np.zeros_like(about)
        best[i] = -np.inf
        arg[i] = 0
        for edge in range(neighbors):
            row = i * neighbors + edge
            for c in range(best.shape[1]):
                value = edges[row, c]
                if value > best[i, c] or value != value:
                    best[i, c] = value
                    arg[i, c] = edge
                off = value - about[c]
                few[c] += off
                few_squares[c] += off * off
        total += few
        square += few_squares


@compiled
def pass_maximum(
    edges: Array, weight: Array, arg: Array, of_best: Array, gradient: Array, of_weight: Array
) -> None:
    """Pass the gradient of the maximum of W e on to the edges e that have it, and to W.

    Of edges e (M · k, C) and a weight W (D, C), ``arg`` (M, D) says which of the k edges was the
    maximum, and ``of_best`` (M, D) is its gradient. The gradients of both grow by it.
    """
    neighbors = edges.shape[0] // arg.shape[0]
    for i in range(arg.shape[0]):
        for d in range(arg.shape[1]):
            share = of_best[i, d]
            if share != 0:
                row = i * neighbors + arg[i, d]
                for c in range(edges.shape[1]):
                    of_weight[d, c] += share * edges[row, c]
                    gradient[row, c] += share * weight[d, c]


@compiled
def collect_gradient(
    gradient: Array, edges: Array, index: Array, of_near: Array, of_own: Array
) -> None:
    """Bring the gradient of a tile's edges back to what they join.

    ``gradient`` and ``edges`` (M · k, C) are those behind the ReLU; where it gave 0, none passes.
    ``of_near`` (N, C) grows by its gradient, ``of_own`` (M, C) becomes its own.
    """
    neighbors = index.shape[1]
    for i in range(index.shape[0]):
        of_own[i] = 0
        for edge in range(neighbors):
            j, row = index[i, edge], i * neighbors + edge
            for c in range(edges.shape[1]):
                passed = gradient[row, c] if edges[row, c] > 0 else 0
                of_near[j, c] += passed
                of_own[i, c] += passed
