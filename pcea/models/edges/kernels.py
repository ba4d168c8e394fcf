"""The loops over the edges of a neighborhood graph, for one cloud or a tile of it, compiled.

An edge leads from a center i to one of its k neighbors j, and carries near_j + own_i. Arrays are
numpy's, of one floating type; ``index`` (M, k) holds the neighbors of each center.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pcea.geometry.kernels.compiled import compiled

Array = np.ndarray[Any, np.dtype[Any]]


@compiled
def sum_edges(
    near: Array,
    own: Array,
    index: Array,
    about: Array,
    of_center: Array,
    of_point: Array,
    degree: Array,
    total: Array,
    square: Array,
) -> None:
    """Add up the edges, and what each point and center needs of them for its gradient.

    Args:
        near: (N, C) features of the points.
        own: (M, C) features of the centers.
        index: (M, k).
        about: (C,) what is subtracted before squaring, so that little cancels.
        of_center: (M, C) zeros, becomes the sum of ``near`` over each center's neighbors.
        of_point: (N, C) zeros, becomes the sum of ``own`` over the centers each point is near to.
        degree: (N,) zeros, becomes how many those are.
        total: (C,) float64, grows by the sum of (near_j + own_i − about).
        square: (C,) float64, grows by the sum of (near_j + own_i − about)².
    """
    for i in range(index.shape[0]):
        # A center's few edges are added up in their own precision, the centers in double.
        few, few_squares = np.zeros_like(about), np.zeros_like(about)
        for edge in range(index.shape[1]):
            j = index[i, edge]
            degree[j] += 1
            for c in range(near.shape[1]):
                of_center[i, c] += near[j, c]
                of_point[j, c] += own[i, c]
                off = near[j, c] + own[i, c] - about[c]
                few[c] += off
                few_squares[c] += off * off
        for c in range(near.shape[1]):
            total[c] += few[c]
            square[c] += few_squares[c]


@compiled
def edge_sums_gradient(
    values: Array, degree: Array, sums: Array, constant: Array, slope: Array, gradient: Array
) -> None:
    """Give the gradient of what edges of gradient (constant + slope · edge) join at one end.

    Args:
        values: (N, C) features at this end.
        degree: (N,) how many edges end there.
        sums: (N, C) the features at the edges' other ends, added up.
        constant: (C,) gradient of an edge at 0.
        slope: (C,) what it grows by.
        gradient: (N, C), becomes the gradient with respect to ``values``.
    """
    for i in range(values.shape[0]):
        for c in range(values.shape[1]):
            of_edges = degree[i] * (constant[c] + slope[c] * values[i, c])
            gradient[i, c] = of_edges + slope[c] * sums[i, c]


@compiled
def add_at(gradient: Array, arg: Array, of_best: Array) -> None:
    """Add (M, C) gradients of a maximum to the (N, C) rows that ``arg`` (M, C) names."""
    for i in range(arg.shape[0]):
        for c in range(arg.shape[1]):
            gradient[arg[i, c], c] += of_best[i, c]


@compiled
def strongest_neighbor(near: Array, index: Array, best: Array, arg: Array) -> None:
    """Find the maximum of ``near`` over each center's neighbors, a channel at a time.

    Args:
        near: (N, C).
        index: (M, k).
        best: (M, C), becomes the maximum.
        arg: (M, C) int32, becomes the point that has it, the first of several.
    """
    for i in range(index.shape[0]):
        first = index[i, 0]
        for c in range(near.shape[1]):
            best[i, c] = near[first, c]
            arg[i, c] = first
        for edge in range(1, index.shape[1]):
            j = index[i, edge]
            for c in range(near.shape[1]):
                value = near[j, c]
                # NaN wins, as torch's maximum has it.
                if value > best[i, c] or value != value:
                    best[i, c] = value
                    arg[i, c] = j


@compiled
def sum_clouds(
    near: Array,
    own: Array,
    index: Array,
    abouts: Array,
    of_center: Array,
    of_point: Array,
    degree: Array,
    totals: Array,
    squares: Array,
) -> None:
    """Do :func:`sum_edges` for each cloud of a batch, one after the other.

    Threads that came back to Python after each cloud would wait for each other there.

    All arrays are those of one cloud, (B, …), but ``abouts`` (B, C), which becomes what is
    subtracted: the mean of the edges of each cloud's first center.
    """
    for cloud in range(near.shape[0]):
        about = abouts[cloud]
        for edge in range(index.shape[2]):
            for c in range(near.shape[2]):
                about[c] += near[cloud, index[cloud, 0, edge], c]
        for c in range(near.shape[2]):
            about[c] = about[c] / index.shape[2] + own[cloud, 0, c]
        sum_edges(
            near[cloud],
            own[cloud],
            index[cloud],
            about,
            of_center[cloud],
            of_point[cloud],
            degree[cloud],
            totals[cloud],
            squares[cloud],
        )


@compiled
def strongest_of_clouds(near: Array, own: Array, index: Array, best: Array, arg: Array) -> None:
    """Do :func:`strongest_neighbor` for each cloud of a batch, and add ``own`` (B, M, C)."""
    for cloud in range(near.shape[0]):
        strongest_neighbor(near[cloud], index[cloud], best[cloud], arg[cloud])
        for i in range(best.shape[1]):
            for c in range(best.shape[2]):
                best[cloud, i, c] += own[cloud, i, c]


@compiled
def gradient_of_clouds(
    near: Array,
    own: Array,
    degree: Array,
    of_point: Array,
    of_center: Array,
    constant: Array,
    slope: Array,
    arg: Array,
    of_best: Array,
    of_near: Array,
    of_own: Array,
) -> None:
    """Give the gradient of moments and maximum for each cloud of a batch.

    Args:
        near: (B, N, C) as :func:`sum_clouds` was given it.
        own: (B, M, C) likewise.
        degree: (B, N) as it came out there.
        of_point: (B, N, C) likewise.
        of_center: (B, M, C) likewise.
        constant: (C,) gradient of an edge at 0.
        slope: (C,) what it grows by.
        arg: (B, M, C) the point that has the maximum, or (0, M, C) where there is none.
        of_best: like ``arg``, the gradient with respect to the maximum.
        of_near: (B, N, C), becomes the gradient with respect to ``near``.
        of_own: (B, M, C), becomes the gradient with respect to ``own``.
    """
    for cloud in range(near.shape[0]):
        k = np.full(own.shape[1], degree[cloud].sum() / own.shape[1], near.dtype)
        edge_sums_gradient(
            near[cloud], degree[cloud], of_point[cloud], constant, slope, of_near[cloud]
        )
        edge_sums_gradient(own[cloud], k, of_center[cloud], constant, slope, of_own[cloud])
        if len(arg) > 0:
            add_at(of_near[cloud], arg[cloud], of_best[cloud])
            for i in range(own.shape[1]):
                for c in range(own.shape[2]):
                    of_own[cloud, i, c] += of_best[cloud, i, c]


@compiled
def relu_edges(near: Array, own: Array, index: Array, edges: Array) -> None:
    """Write the edges of a tile down.

    Args:
        near: (N, C).
        own: (M, C).
        index: (M, k).
        edges: (M · k, C), becomes max(near_j + own_i, 0).
    """
    neighbors = index.shape[1]
    for i in range(index.shape[0]):
        for edge in range(neighbors):
            j, row = index[i, edge], i * neighbors + edge
            for c in range(near.shape[1]):
                value = near[j, c] + own[i, c]
                edges[row, c] = 0 if value < 0 else value


@compiled
def maximum(edges: Array, best: Array) -> None:
    """Take the maximum over each center's edges: (M · k, C) → (M, C)."""
    neighbors = edges.shape[0] // best.shape[0]
    for i in range(best.shape[0]):
        for c in range(best.shape[1]):
            best[i, c] = edges[i * neighbors, c]
        for row in range(i * neighbors + 1, (i + 1) * neighbors):
            for c in range(best.shape[1]):
                value = edges[row, c]
                if value > best[i, c] or value != value:
                    best[i, c] = value


@compiled
def maximum_and_moments(
    edges: Array, about: Array, best: Array, arg: Array, total: Array, square: Array
) -> None:
    """Take the maximum over each center's edges, and add up their values about a given one.

    Args:
        edges: (M · k, C).
        about: (C,) what is subtracted before squaring, so that little cancels.
        best: (M, C), becomes the maximum.
        arg: (M, C) int32, becomes which of the k edges has it, the first of several.
        total: (C,) float64, grows by the sum of (edge − about).
        square: (C,) float64, grows by the sum of (edge − about)².
    """
    neighbors = edges.shape[0] // best.shape[0]
    for i in range(best.shape[0]):
        few, few_squares = np.zeros_like(about), np.zeros_like(about)
        for c in range(best.shape[1]):
            best[i, c] = -np.inf
            arg[i, c] = 0
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
        for c in range(best.shape[1]):
            total[c] += few[c]
            square[c] += few_squares[c]


@compiled
def pass_maximum(
    edges: Array, weight: Array, arg: Array, of_best: Array, gradient: Array, of_weight: Array
) -> None:
    """Pass the gradient of the maximum of W e on to the edges e that have it, and to W.

    Args:
        edges: (M · k, C) values e.
        weight: (D, C) W.
        arg: (M, D) int32, which of the k edges was the maximum.
        of_best: (M, D) the gradient with respect to the maximum.
        gradient: (M · k, C), grows by the gradient with respect to the edges.
        of_weight: (D, C), grows by the gradient with respect to W.
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

    Args:
        gradient: (M · k, C) with respect to the edges behind the ReLU.
        edges: (M · k, C) the edges behind the ReLU; where they are 0 nothing passes.
        index: (M, k).
        of_near: (N, C), grows by the gradient with respect to ``near``.
        of_own: (M, C), becomes the gradient with respect to ``own``.
    """
    neighbors = index.shape[1]
    for i in range(index.shape[0]):
        for c in range(edges.shape[1]):
            of_own[i, c] = 0
        for edge in range(neighbors):
            j, row = index[i, edge], i * neighbors + edge
            for c in range(edges.shape[1]):
                passed = gradient[row, c] if edges[row, c] > 0 else 0
                of_near[j, c] += passed
                of_own[i, c] += passed
