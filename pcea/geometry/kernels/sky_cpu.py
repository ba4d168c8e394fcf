"""Test which side of its surface is visible from outside, for each point; compiled."""

import numpy as np

from pcea.geometry.kernels.compiled import Array, compiled

# Directions with a smaller cosine to the normal are too close to the surface to be tested.
GRAZING = 0.2
# Points closer to a point's plane than this share of a disk's radius belong to its surface.
SAME_SURFACE = 0.4
# If the signs of normals count: points that face the same way, by the cosine between their normals,
# and the share of a radius from which a point that faces the other way is on another surface.
ALIKE, SHEET = 0.7, 0.01


def open_sky(
    pos: Array, normal: Array, axes: Array, radius: float, sky: Array, layer: float | None = None
) -> None:
    """Compare the open sky on both sides of the surface of each point (N, 3), along axes (A, 3).

    Each point stands for a disk. The sky is open to a point in a direction if no disk is in the
    way, except those of its own surface. The points are projected along each axis and sorted into
    squares, so that only those near the line of sight are tested. Writes ``sky`` (N,): 0.5 if the
    sky is open only on the normal's side, −0.5 if only on the other.

    With a ``layer``, most signs of the normals are taken to be right: points that face the same way
    belong to a point's surface if they are no farther than this from its plane, because noise
    spreads a surface; those that face the other way do not, so that thin walls have two sides.
    """
    total, tried = len(pos), np.full(len(pos), 1e-300)
    order = np.empty(total, np.int64)
    near = same = opposite = SAME_SURFACE * radius
    if layer is not None:
        same, opposite = max(layer, near), SHEET * radius
    sky[:] = 0.0
    for d in axes:
        # Two axes across d, beginning with the coordinate axis that is farthest from it.
        small = np.argmin(np.abs(d))
        across = np.eye(3)[small] - d[small] * d
        across /= np.sqrt((across * across).sum())
        flat = np.stack([across, np.cross(d, across)]) @ pos.T  # (2, N)
        flat -= flat.min(1, keepdims=True)
        wide, high = flat.max(1)
        # Squares are no smaller than a disk, and there are at most about four per point.
        side = max(radius, np.sqrt(wide * high / (4.0 * total)), max(wide, high) / (4.0 * total))
        square = (flat / side).astype(np.int64)
        columns, rows = square.max(1) + 1
        end = np.bincount(square[1] * columns + square[0], minlength=columns * rows).cumsum()
        depth, facing = pos @ d, normal @ d
        given = *flat, *square, columns, rows, end, end.copy(), order, depth, facing
        _test_axis(pos, normal, *given, radius, near, same, opposite, sky, tried)
    sky /= tried


@compiled
def _test_axis(
    pos: Array,
    normal: Array,
    one: Array,
    two: Array,
    column: Array,
    row: Array,
    columns: int,
    rows: int,
    end: Array,
    free: Array,
    order: Array,
    depth: Array,
    facing: Array,
    radius: float,
    near: float,
    same: float,
    opposite: float,
    sky: Array,
    tried: Array,
) -> None:
    for i in range(len(pos) - 1, -1, -1):
        cell = row[i] * columns + column[i]
        free[cell] -= 1
        order[free[cell]] = i
    for i in range(len(pos)):
        if abs(facing[i]) < GRAZING:
            continue
        tried[i] += 2.0 * abs(facing[i])
        forth = back = True  # whether the sky is open along the axis, and against it
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
                above = height if ahead == (facing[i] > 0.0) else -height
                if above <= opposite:
                    continue
                if above <= same:
                    likeness = 0.0
                    for c in range(3):
                        likeness += normal[j, c] * normal[i, c]
                    if likeness > ALIKE or (likeness >= -ALIKE and above <= near):
                        continue
                forth, back = forth and not ahead, back and ahead
            if not (forth or back):
                break
        if forth:
            sky[i] += facing[i]
        if back:
            sky[i] -= facing[i]
