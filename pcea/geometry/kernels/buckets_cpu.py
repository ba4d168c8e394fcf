"""A cloud in buckets of neighboring points, by halving it along its longest side again and again.

A bucket's box tells how near its points can be at least. It is computed in the order in which the
distance to a point is, and rounding never turns an order round, so that the bound holds exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcea.geometry.kernels.compiled import compiled

Array = NDArray[Any]

# How many points a bucket holds: whole vectors of every processor.
BUCKET = 64


class Buckets(NamedTuple):
    """A cloud in buckets."""

    planes: Array
    """(3, T, BUCKET) float32 the points' x, y and z; zeros fill the last bucket up."""
    origin: Array
    """(T, BUCKET) int32 which point each is; -1 where it is none."""
    boxes: Array
    """(2 · T - 1, 6) float32 the lowest and the highest x, y and z of each part the cloud was
    halved into. A part is followed by its first half, with all that is in there, and then by its
    second; the first half has half of its buckets, rounded down."""
    leaves: Array
    """(6, T) float32 the boxes of the buckets."""


def buckets(pos: Array, kept: Array) -> Buckets:
    """Order a cloud's points into buckets, and draw a box about every part it is halved into.

    Args:
        pos: (N, 3) float32 finite positions.
        kept: (K,) int32 which of them to take, at least one.

    Returns:
        The buckets.
    """
    total = -(-len(kept) // BUCKET)
    planes, origin = (
        np.zeros((3, total * BUCKET), np.float32),
        np.full(total * BUCKET, -1, np.int32),
    )
    boxes, leaves = np.empty((2 * total - 1, 6), np.float32), np.empty((6, total), np.float32)
    # Halves of halves: no more wait than there are levels.
    _fill(pos, kept, planes, origin, boxes, leaves, np.empty((64, 3), np.int64))
    return Buckets(planes.reshape(3, -1, BUCKET), origin.reshape(-1, BUCKET), boxes, leaves)


@compiled
def _fill(
    pos: Array,
    kept: Array,
    planes: Array,
    origin: Array,
    boxes: Array,
    leaves: Array,
    waiting: Array,
) -> None:
    count = len(kept)
    for slot in range(count):
        origin[slot] = kept[slot]
        for axis in range(3):
            planes[axis, slot] = pos[kept[slot], axis]
    waiting[0, 0], waiting[0, 1], waiting[0, 2] = 0, 0, leaves.shape[1]
    depth = 1
    while depth > 0:
        depth -= 1
        part, low, high = waiting[depth, 0], waiting[depth, 1], waiting[depth, 2]
        first, end = low * BUCKET, min(high * BUCKET, count)
        widest, width = 0, np.float32(-1)
        for axis in range(3):
            least, most = planes[axis, first], planes[axis, first]
            for slot in range(first + 1, end):
                least = min(least, planes[axis, slot])
                most = max(most, planes[axis, slot])
            boxes[part, axis] = least
            boxes[part, 3 + axis] = most
            if most - least > width:
                widest, width = axis, most - least
        if high - low == 1:
            for side in range(6):
                leaves[side, low] = boxes[part, side]
            continue
        middle = (low + high) // 2
        if width > 0:
            _halve(planes, origin, widest, first, end, middle * BUCKET)
        waiting[depth, 0], waiting[depth, 1] = part + 2 * (middle - low), middle
        waiting[depth, 2] = high
        waiting[depth + 1, 0], waiting[depth + 1, 1] = part + 1, low
        waiting[depth + 1, 2] = middle
        depth += 2


@compiled
def _halve(planes: Array, origin: Array, axis: int, first: int, end: int, middle: int) -> None:
    """Order first … end so that along an axis none before the middle lies beyond one after it."""
    along = planes[axis]
    low, high = first, end - 1
    while low < high:
        a, b, c = along[low], along[(low + high) // 2], along[high]
        pivot = max(min(a, b), min(max(a, b), c))
        left, right = low, high
        while left <= right:
            while along[left] < pivot:
                left += 1
            while along[right] > pivot:
                right -= 1
            if left <= right:
                for plane in range(3):
                    kept = planes[plane, left]
                    planes[plane, left] = planes[plane, right]
                    planes[plane, right] = kept
                own = origin[left]
                origin[left] = origin[right]
                origin[right] = own
                left += 1
                right -= 1
        if middle <= right:
            high = right
        elif middle >= left:
            low = left
        else:
            return
