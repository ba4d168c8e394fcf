"""Test which side of its surface is visible from outside, for each point; compiled."""

import numpy as np

from pcea.geometry.kernels.compiled import Array, compiled

# Directions with a smaller cosine to the normal are too close to the surface to be tested.
GRAZING = 0.2
# Points closer to a point's plane than this share of a disk's radius belong to its surface.
SAME_SURFACE = 0.4


def open_sky(pos: Array, normal: Array, axes: Array, radius: float, sky: Array) -> None:
    """Compare the open sky on both sides of the surface of each point (N, 3), along axes (A, 3).

    Each point stands for a disk. The sky is open to a point in a direction if no disk is in the
    way, except those of its own surface. The points are projected along each axis and sorted into
    squares, so that only those near the line of sight are tested. Writes ``sky`` (N,): 1 if the sky
    is open only on the normal's side, −1 if only on the other.
    """
    total, tried = len(pos), np.full(len(pos), 1e-300)
    sky[:] = 0.0
    for d in axes:
        # Two axes across d, beginning with the coordinate axis that is farthest from it.
        small = np.argmin(np.abs(d))
        across = np.eye(3)[small] - d[small] * d
        across /= np.sqrt((across * across).sum())
        flat = pos @ np.stack([across, np.cross(d, across)]).T  # (N, 2)
        flat -= flat.min(0)
        wide, high = flat.max(0)
        # Squares are no smaller than a disk, and there are at most about four per point.
        side = max(radius, np.sqrt(wide * high / (4.0 * total)), max(wide, high) / (4.0 * total))
        square = (flat / side).astype(np.int64)
        columns, rows = square.max(0) + 1
        cell = square[:, 1] * columns + square[:, 0]
        order = np.argsort(cell, kind="stable")
        end = np.cumsum(np.bincount(cell, minlength=columns * rows))
        depth, facing = pos @ d, normal @ d
        _test_axis(pos, normal, flat, square, order, end, depth, facing, radius, sky, tried)
    sky /= tried


@compiled
def _test_axis(
    pos: Array,
    normal: Array,
    flat: Array,
    square: Array,
    order: Array,
    end: Array,
    depth: Array,
    facing: Array,
    radius: float,
    sky: Array,
    tried: Array,
) -> None:
    columns = rows = 0
    for i in range(len(pos)):
        columns, rows = max(columns, square[i, 0] + 1), max(rows, square[i, 1] + 1)
    for i in range(len(pos)):
        if abs(facing[i]) < GRAZING:
            continue
        tried[i] += 2.0 * abs(facing[i])
        forth = back = True  # whether the sky is open along the axis, and against it
        for r in range(max(square[i, 1] - 1, 0), min(square[i, 1] + 2, rows)):
            left = r * columns + max(square[i, 0] - 1, 0)
            right = r * columns + min(square[i, 0] + 1, columns - 1)
            for at in range(end[left - 1] if left > 0 else 0, end[right]):
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
                # Off the point's own surface, on the side of the line of sight.
                if (height if ahead == (facing[i] > 0.0) else -height) > SAME_SURFACE * radius:
                    forth, back = forth and not ahead, back and ahead
            if not (forth or back):
                break
        if forth:
            sky[i] += facing[i]
        if back:
            sky[i] -= facing[i]
