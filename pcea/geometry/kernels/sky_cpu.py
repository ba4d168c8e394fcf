"""Test which side of its surface is visible from outside, for each point; compiled."""

import numpy as np

from pcea.geometry.kernels.compiled import Array, compiled

# Directions with a smaller cosine to the normal are too close to the surface to be tested.
GRAZING = 0.2
# Points closer to a point's plane than this share of a disk's radius belong to its surface.
SAME_SURFACE = 0.4


@compiled
def _along(points: Array, axis: Array) -> Array:
    return points[:, 0] * axis[0] + points[:, 1] * axis[1] + points[:, 2] * axis[2]


@compiled
def open_sky(pos: Array, normal: Array, axes: Array, radius: float, sky: Array) -> None:
    """Compare the open sky on both sides of the surface of each point (N, 3), along axes (A, 3).

    Each point stands for a disk. The sky is open to a point in a direction if no disk is in the
    way, except those of its own surface. The points are projected along each axis and sorted into
    squares, so that only those near the line of sight are tested. Writes ``sky`` (N,): 1 if the sky
    is open only on the normal's side, −1 if only on the other.
    """
    total = len(pos)
    tried = np.full(total, 1e-300)
    sky[:] = 0.0
    order = np.empty(total, np.int64)
    for axis in range(len(axes)):
        d = axes[axis]
        # Two axes across d, beginning with the coordinate axis that is farthest from it.
        small = np.argmin(np.abs(d))
        across = -d[small] * d
        across[small] += 1.0
        across /= np.sqrt((across * across).sum())
        one, two = _along(pos, across), _along(pos, np.cross(d, across))
        depth, facing = _along(pos, d), _along(normal, d)
        one, two = one - one.min(), two - two.min()
        wide, high = one.max(), two.max()
        # Squares are no smaller than a disk, and there are at most about four per point.
        side = max(radius, np.sqrt(wide * high / (4.0 * total)), max(wide, high) / (4.0 * total))
        column, row = (one / side).astype(np.int64), (two / side).astype(np.int64)
        columns, rows = column.max() + 1, row.max() + 1
        cell = row * columns + column
        end = np.cumsum(np.bincount(cell, minlength=columns * rows))
        free = end.copy()
        for i in range(total - 1, -1, -1):
            free[cell[i]] -= 1
            order[free[cell[i]]] = i
        for i in range(total):
            if abs(facing[i]) < GRAZING:
                continue
            tried[i] += 2.0 * abs(facing[i])
            forth = back = True  # whether the sky is open along d, and along −d
            for r in range(max(row[i] - 1, 0), min(row[i] + 2, rows)):
                left = r * columns + max(column[i] - 1, 0)
                right = r * columns + min(column[i] + 1, columns - 1)
                for at in range(end[left - 1] if left > 0 else 0, end[right]):
                    j = order[at]
                    ahead = depth[j] > depth[i]
                    if not (forth if ahead else back):
                        continue
                    u, v = one[j] - one[i], two[j] - two[i]
                    if u * u + v * v >= radius * radius:
                        continue
                    height = 0.0
                    for c in range(3):
                        height += (pos[j, c] - pos[i, c]) * normal[i, c]
                    # Off the point's own surface, on the side of the line of sight.
                    if (height if ahead == (facing[i] > 0.0) else -height) > SAME_SURFACE * radius:
                        forth, back = forth and not ahead, back and ahead
                if not (forth or back):
                    break
            if forth:
                sky[i] += facing[i]
            if back:
                sky[i] -= facing[i]
    sky /= tried
