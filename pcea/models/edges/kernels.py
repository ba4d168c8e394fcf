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
    about: Array, near: Array, own: Array, index: Array, of_center: Array, squares: Array
) -> None:
    """Add up the edges of each center and, for all of them, the squares of (edge − about).

    It writes into ``of_center`` (B, M, C) the sum of each center's neighbors, without its own
    part, and adds to ``squares``, (B, C) float64. With ``about`` (C,), a value near the mean,
    little cancels.
    """
    for cloud in range(near.shape[0]):
        points, square = near[cloud], squares[cloud]
        few, shift = np.empty_like(about), np.empty_like(about)
        for i in range(index.shape[1]):
            total = of_center[cloud, i]
            # A center's few edges are added up in their own precision, the centers in double.
            for c in range(near.shape[2]):
                total[c] = few[c] = 0
                shift[c] = own[cloud, i, c] - about[c]
            for edge in range(index.shape[2]):
                point = points[index[cloud, i, edge]]
                for c in range(near.shape[2]):
                    total[c] += point[c]
                    off = point[c] + shift[c]
                    few[c] += off * off
            for c in range(near.shape[2]):
                square[c] += few[c]


@compiled
def sum_and_strongest(
    about: Array,
    near: Array,
    own: Array,
    index: Array,
    of_center: Array,
    squares: Array,
    best: Array,
    arg: Array,
) -> None:
    """Do what :func:`sum_edges` does, and find the maximum of each center's edges in the same pass.

    It writes the maximum, ``best`` (B, M, C), and the first point that has it, ``arg``, int32.
    """
    for cloud in range(near.shape[0]):
        points, square = near[cloud], squares[cloud]
        few, shift = np.empty_like(about), np.empty_like(about)
        for i in range(index.shape[1]):
            total, most, which = of_center[cloud, i], best[cloud, i], arg[cloud, i]
            first = np.int32(index[cloud, i, 0])
            for c in range(near.shape[2]):
                total[c] = few[c] = 0
                shift[c] = own[cloud, i, c] - about[c]
                most[c], which[c] = points[first, c], first
            # Two loops, because one over so many arrays, which might overlap, is not vectorized.
            # The first is that of sum_edges, written again: a shared function takes a fifth longer.
            for edge in range(index.shape[2]):
                point = points[index[cloud, i, edge]]
                for c in range(near.shape[2]):
                    total[c] += point[c]
                    off = point[c] + shift[c]
                    few[c] += off * off
            for edge in range(1, index.shape[2]):
                j = np.int32(index[cloud, i, edge])
                point = points[j]
                for c in range(near.shape[2]):
                    value = point[c]
                    # Both are stored at each edge, because a branch would not be vectorized either.
                    better = value > most[c]
                    which[c] = j if better else which[c]
                    most[c] = value if better else most[c]
            for c in range(near.shape[2]):
                square[c] += few[c]
                if total[c] != total[c]:  # NaN wins, as in torch's maximum
                    for edge in range(index.shape[2] - 1, -1, -1):
                        j = np.int32(index[cloud, i, edge])
                        if points[j, c] != points[j, c]:
                            most[c], which[c] = points[j, c], j
                most[c] += own[cloud, i, c]


@compiled
def strongest(near: Array, own: Array, index: Array, best: Array) -> None:
    """Write the maximum of each center's edges, ``best`` (B, M, C)."""
    last = index.shape[2] - 1
    for cloud in range(near.shape[0]):
        points = near[cloud]
        for i in range(index.shape[1]):
            most = best[cloud, i]
            first = points[index[cloud, i, 0]]
            for c in range(near.shape[2]):
                most[c] = first[c]
            # By twos, because loading and storing the maximum takes longer than to compare.
            for edge in range(1, last + 1, 2):
                one = points[index[cloud, i, edge]]
                two = points[index[cloud, i, min(edge + 1, last)]]
                for c in range(near.shape[2]):
                    value, other, more = most[c], one[c], two[c]
                    # NaN wins, as in torch's maximum.
                    value = other if (other > value) | (other != other) else value
                    most[c] = more if (more > value) | (more != more) else value
            for c in range(near.shape[2]):
                most[c] += own[cloud, i, c]


@compiled
def pass_to_points(
    near: Array,
    own: Array,
    index: Array,
    constant: Array,
    slope: Array,
    arg: Array,
    of_best: Array,
    of_near: Array,
) -> None:
    """Add up the gradients of the edges at the points that they lead to, ``of_near`` (B, N, C).

    That of an edge is constant + slope · edge, where ``constant`` and ``slope`` are (C,); the one
    that ``arg`` names as a center's maximum also has ``of_best``. Both may be empty, (B, 0, C).
    """
    degree, share = np.empty(near.shape[1], near.dtype), np.empty_like(slope)
    for cloud in range(near.shape[0]):
        points, gradient = near[cloud], of_near[cloud]
        degree[:] = 0
        gradient[:] = 0
        for i in range(index.shape[1]):
            for c in range(near.shape[2]):
                share[c] = constant[c] + slope[c] * own[cloud, i, c]
            for edge in range(index.shape[2]):
                j = index[cloud, i, edge]
                degree[j] += 1
                for c in range(near.shape[2]):
                    gradient[j, c] += share[c]
        for i in range(arg.shape[1]):
            for c in range(near.shape[2]):
                gradient[arg[cloud, i, c], c] += of_best[cloud, i, c]
        for j in range(near.shape[1]):
            for c in range(near.shape[2]):
                gradient[j, c] += degree[j] * slope[c] * points[j, c]


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
