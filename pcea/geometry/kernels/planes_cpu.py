"""Fit a plane to each point's neighborhood, compiled, in float64."""

import numpy as np

from pcea.geometry.kernels.compiled import Array, compiled

# A neighbor's weight is exp(−d² / (REACH · r²)), with the distance r of the farthest neighbor.
REACH = 0.5
# The weight of the direction from the neighborhood's mean to the point. On a leg or a wire, many
# planes fit equally well, and this direction points outward.
OUTWARD = 0.8
# When the plane is fitted again, neighbors that are off the first plane by this share of the
# neighborhood's size weigh e times less, so that the other side of an edge or plate is ignored.
TOLERANCE = 0.25
REFITS = 2
# Jacobi's rotations converge quadratically: a 3 x 3 matrix needs four or five rounds.
ROUNDS = 8


@compiled
def smallest_axis(both: Array) -> int:
    """Diagonalize a symmetric 3 x 3 matrix, and return the index of its smallest eigenvalue.

    The first three rows of ``both`` (6, 3) hold the matrix, which becomes diagonal; the unit
    eigenvectors are written into the columns of the last three. Of equal eigenvalues, the lower
    index is returned.
    """
    # Array assignments and reductions would take ten seconds to compile, here and below.
    for a in range(3):
        for b in range(3):
            both[3 + a, b] = 1.0 if a == b else 0.0
    for _ in range(ROUNDS):
        for a, b in ((0, 1), (0, 2), (1, 2)):
            if both[a, b] == 0.0:
                continue
            ratio = (both[b, b] - both[a, a]) / (2.0 * both[a, b])
            tangent = 1.0 / (abs(ratio) + np.sqrt(ratio * ratio + 1.0))
            cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
            sine = tangent * cosine if ratio >= 0.0 else -tangent * cosine
            for c in range(6):
                one, other = both[c, a], both[c, b]
                both[c, a], both[c, b] = cosine * one - sine * other, sine * one + cosine * other
            for c in range(3):
                one, other = both[a, c], both[b, c]
                both[a, c], both[b, c] = cosine * one - sine * other, sine * one + cosine * other
    best = 0
    for axis in (1, 2):
        best = axis if both[axis, axis] < both[best, best] else best
    return best


@compiled
def fit_planes(pos: Array, index: Array, normal: Array, offset: Array) -> None:
    """Fit a plane to the neighbors (N, k) of points (N, 3), weighted by nearness, then robustly.

    Writes ``normal`` (N, 3), unit normals of arbitrary sign, and ``offset`` (N,): the distance of
    the point from its neighbors' mean along the normal, in radii of the neighborhood.
    """
    total, k = index.shape
    near, nearness, weight = np.empty((k, 3)), np.empty(k), np.empty(k)
    matrix, mean, first = np.empty((6, 3)), np.empty(3), np.empty(3)
    for point in range(total):
        unit = normal[point]
        unit[:] = 0.0
        radius = square = 0.0
        for j in range(k):
            weight[j] = 0.0
            for c in range(3):
                near[j, c] = pos[index[point, j], c] - pos[point, c]
                weight[j] += near[j, c] * near[j, c]
            radius, square = max(radius, weight[j]), square + weight[j] / k
        radius, square = max(radius, 1e-300), max(square, 1e-300)  # for points at one place
        for j in range(k):
            nearness[j] = np.exp(-weight[j] / (REACH * radius))
        for fit in range(REFITS + 1):
            everything = 0.0
            mean[:] = 0.0
            for j in range(k):
                off = near[j, 0] * unit[0] + near[j, 1] * unit[1] + near[j, 2] * unit[2]
                weight[j] = nearness[j] * np.exp(-off * off / (TOLERANCE * TOLERANCE * square))
                everything += weight[j]
                for c in range(3):
                    mean[c] += weight[j] * near[j, c]
            for c in range(3):
                mean[c] /= everything
                first[c] = mean[c] if fit == 0 else first[c]
            for a in range(3):
                for b in range(a, 3):
                    entry = 0.0
                    for j in range(k):
                        entry += weight[j] * (near[j, a] - mean[a]) * (near[j, b] - mean[b])
                    entry /= everything
                    if fit == 0:
                        entry -= OUTWARD * mean[a] * mean[b]
                    matrix[a, b] = matrix[b, a] = entry
            axis = smallest_axis(matrix)
            for c in range(3):
                unit[c] = matrix[3 + c, axis]
        along = first[0] * unit[0] + first[1] * unit[1] + first[2] * unit[2]
        offset[point] = -along / np.sqrt(radius)
