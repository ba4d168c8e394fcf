"""The plane through each point's neighborhood, compiled, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcea.geometry.kernels.compiled import compiled

Array = NDArray[Any]

# The weight of a neighbor falls by e at this share of the squared distance to the farthest one.
REACH = 0.5
# How much the way from the neighborhood's mean to the point counts as a direction of the normal.
# On a leg or a wire all directions across are planes alike, and this way leads outward.
OUTWARD = 0.8
# Neighbors off the plane by this share of the neighborhood's radius weigh e times less when the
# plane is fitted again, so that the other side of an edge or of a plate loses its say.
TOLERANCE = 0.25
REFITS = 2
# Jacobi's rotations converge quadratically: a 3 x 3 matrix needs four or five rounds.
ROUNDS = 8


@compiled
def _turn(left: Array, right: Array, cosine: float, sine: float) -> None:
    for c in range(3):
        one, other = left[c], right[c]
        left[c], right[c] = cosine * one - sine * other, sine * one + cosine * other


@compiled
def smallest_axis(matrix: Array, axes: Array) -> int:
    """Find the column of a symmetric 3 x 3 matrix's smallest eigenvalue, by Jacobi's rotations.

    The unit eigenvectors become the columns of ``axes``, the eigenvalues the matrix's diagonal. Of
    equal eigenvalues the lower column is found.
    """
    axes[:] = np.eye(3)
    for _ in range(ROUNDS):
        for a, b in ((0, 1), (0, 2), (1, 2)):
            if matrix[a, b] == 0.0:
                continue
            ratio = (matrix[b, b] - matrix[a, a]) / (2.0 * matrix[a, b])
            tangent = 1.0 / (abs(ratio) + np.sqrt(ratio * ratio + 1.0))
            if ratio < 0.0:
                tangent = -tangent
            cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
            _turn(matrix[:, a], matrix[:, b], cosine, tangent * cosine)
            _turn(matrix[a], matrix[b], cosine, tangent * cosine)
            _turn(axes[:, a], axes[:, b], cosine, tangent * cosine)
    return int(np.argmin(np.diag(matrix)))


@compiled
def fit_planes(pos: Array, index: Array, normal: Array, offset: Array) -> None:
    """Fit a plane to the neighbors (N, k) of points (N, 3), weighted by nearness, then robustly.

    It writes ``normal`` (N, 3), unit normals with a sign by chance, and ``offset`` (N,): how far
    the point lies from its neighbors' mean along the normal, in radii of the neighborhood.
    """
    total, k = index.shape
    near = np.empty((k, 3))
    nearness, weight = np.empty(k), np.empty(k)
    matrix, axes = np.empty((3, 3)), np.empty((3, 3))
    mean, first, unit = np.empty(3), np.empty(3), np.zeros(3)
    for point in range(total):
        radius = square = 0.0
        for j in range(k):
            away = 0.0
            for c in range(3):
                near[j, c] = pos[index[point, j], c] - pos[point, c]
                away += near[j, c] * near[j, c]
            weight[j] = away
            radius, square = max(radius, away), square + away / k
        for j in range(k):
            nearness[j] = np.exp(-weight[j] / (REACH * radius)) if radius > 0.0 else 1.0
        for fit in range(REFITS + 1):
            everything = 0.0
            mean[:] = 0.0
            for j in range(k):
                weight[j] = nearness[j]
                if fit > 0 and square > 0.0:
                    off = near[j, 0] * unit[0] + near[j, 1] * unit[1] + near[j, 2] * unit[2]
                    weight[j] *= np.exp(-off * off / (TOLERANCE * TOLERANCE * square))
                everything += weight[j]
                for c in range(3):
                    mean[c] += weight[j] * near[j, c]
            mean /= everything
            if fit == 0:
                first[:] = mean
            for a in range(3):
                for b in range(a, 3):
                    entry = 0.0
                    for j in range(k):
                        entry += weight[j] * (near[j, a] - mean[a]) * (near[j, b] - mean[b])
                    entry /= everything
                    if fit == 0:
                        entry -= OUTWARD * mean[a] * mean[b]
                    matrix[a, b] = matrix[b, a] = entry
            best = smallest_axis(matrix, axes)
            unit[:] = axes[:, best]
        length = np.sqrt(unit[0] * unit[0] + unit[1] * unit[1] + unit[2] * unit[2])
        along = 0.0
        for c in range(3):
            normal[point, c] = unit[c] / length
            along -= first[c] * unit[c]
        offset[point] = along / np.sqrt(radius) if radius > 0.0 else 0.0
