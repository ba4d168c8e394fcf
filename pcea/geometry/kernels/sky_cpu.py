"""On which side of its surface the sky is open to a point, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcea.geometry.kernels.compiled import compiled

Array = NDArray[Any]

# A direction closer to the surface than this (its cosine with the normal) says little.
GRAZING = 0.2
# Points closer to a point's plane than this share of a disk's radius are of the same surface.
SAME_SURFACE = 0.4


@compiled
def open_sky(pos: Array, normal: Array, axes: Array, radius: float, sky: Array) -> None:
    """Compare the open sky on both sides of the surface of each point (N, 3), along axes (A, 3).

    Each point stands for a disk. The sky is open to a point in a direction if no disk lies on the
    way, those of its own surface left out. Projected along an axis, points are sorted into squares,
    so that only those near the line of sight are tested. It writes ``sky`` (N,): from 1, all sky is
    on the normal's side, to −1, all is on the other.
    """
    total = len(pos)
    tried = np.zeros(total)
    sky[:] = 0.0
    turned = np.empty((total, 3))
    flat, depth = turned[:, :2], turned[:, 2]
    cell, order = np.empty(total, np.int64), np.empty(total, np.int64)
    for axis in range(len(axes)):
        d = axes[axis]
        # Two axes across: of the three there are, that which is farthest from d begins.
        small = np.argmin(np.abs(d))
        across = -d[small] * d
        across[small] += 1.0
        across /= np.sqrt((across * across).sum())
        frame = np.stack((across, np.cross(d, across), d))
        for i in range(total):
            for a in range(3):
                turned[i, a] = (
                    pos[i, 0] * frame[a, 0] + pos[i, 1] * frame[a, 1] + pos[i, 2] * frame[a, 2]
                )
        left, bottom = flat[:, 0].min(), flat[:, 1].min()
        wide, high = flat[:, 0].max() - left, flat[:, 1].max() - bottom
        # Squares no smaller than a disk, and no more than about four a point.
        side = max(radius, np.sqrt(wide * high / (4.0 * total)), max(wide, high) / (4.0 * total))
        columns, rows = int(wide / side) + 1, int(high / side) + 1
        first = np.zeros(columns * rows + 1, np.int64)
        for i in range(total):
            column, row = int((flat[i, 0] - left) / side), int((flat[i, 1] - bottom) / side)
            cell[i] = min(row, rows - 1) * columns + min(column, columns - 1)
            first[cell[i] + 1] += 1
        for square in range(columns * rows):
            first[square + 1] += first[square]
        following = first[:-1].copy()
        for i in range(total):
            order[following[cell[i]]] = i
            following[cell[i]] += 1
        least = SAME_SURFACE * radius
        for i in range(total):
            facing = normal[i, 0] * d[0] + normal[i, 1] * d[1] + normal[i, 2] * d[2]
            if abs(facing) < GRAZING:
                continue
            tried[i] += 2.0 * abs(facing)
            row, column = cell[i] // columns, cell[i] % columns
            left_column, right_column = max(column - 1, 0), min(column + 1, columns - 1)
            forth = back = True  # is the sky open in the direction d, and in the other?
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                start, end = first[r * columns + left_column], first[r * columns + right_column + 1]
                for at in range(start, end):
                    j = order[at]
                    ahead = depth[j] > depth[i]
                    if not (forth if ahead else back):
                        continue
                    u, v = flat[j, 0] - flat[i, 0], flat[j, 1] - flat[i, 1]
                    if u * u + v * v >= radius * radius:
                        continue
                    height = 0.0
                    for c in range(3):
                        height += (pos[j, c] - pos[i, c]) * normal[i, c]
                    if ahead and (height if facing > 0.0 else -height) > least:
                        forth = False
                    elif not ahead and (-height if facing > 0.0 else height) > least:
                        back = False
                if not (forth or back):
                    break
            if forth:
                sky[i] += facing
            if back:
                sky[i] -= facing
    for i in range(total):
        if tried[i] > 0.0:
            sky[i] /= tried[i]
