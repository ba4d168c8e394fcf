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
    """A cloud in T buckets; a part is the cloud itself or what it was halved into."""

    planes: Array  # (3, T, BUCKET) float32 x, y and z; infinite at padding and after the last point
    origin: Array  # (T, BUCKET) int32 which point each is
    boxes: Array  # (2 · T - 1, 6) float32 lowest and highest x, y and z of each part
    # (2 · T - 1,) int32 each part's second half, after its first, which follows it. A bucket is a
    # part without halves: minus its place.
    second: Array


def buckets(pos: Array, mask: Array | None = None) -> Buckets:
    """Order a cloud's points, (N, 3), into buckets of points that lie near each other."""
    total = -(-len(pos) // BUCKET)
    planes = np.full((3, total * BUCKET), np.inf, np.float32)
    planes[:, : len(pos)] = pos.T if mask is None else np.where(mask, pos.T, np.inf)
    origin = np.arange(total * BUCKET, dtype=np.int32)
    boxes, second = np.empty((2 * total - 1, 6), np.float32), np.empty(2 * total - 1, np.int32)
    _divide(planes, origin, boxes, second)
    return Buckets(planes.reshape(3, -1, BUCKET), origin.reshape(-1, BUCKET), boxes, second)


@compiled
def _divide(planes: Array, origin: Array, boxes: Array, second: Array) -> None:
    # Which buckets each part has; a part comes before its halves.
    low, high = np.zeros(len(second), np.int64), np.full(len(second), len(origin) // BUCKET)
    for part in range(len(second)):
        first, end = low[part] * BUCKET, high[part] * BUCKET
        for axis in range(3):
            least = most = planes[axis, first]
            for slot in range(first + 1, end):
                least = min(least, planes[axis, slot])
                most = max(most, planes[axis, slot])
            boxes[part, axis], boxes[part, 3 + axis] = least, most
        if high[part] - low[part] == 1:
            second[part] = -low[part]
            continue
        middle = (low[part] + high[part]) // 2
        other = part + 2 * (middle - low[part])
        widest = np.argmax(boxes[part, 3:] - boxes[part, :3])
        _halve(planes, origin, widest, first, end, middle * BUCKET)
        low[part + 1], high[part + 1] = low[part], middle
        low[other], high[other], second[part] = middle, high[part], other


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
                for plane in planes:
                    plane[left], plane[right] = plane[right], plane[left]
                origin[left], origin[right] = origin[right], origin[left]
                left += 1
                right -= 1
        if middle <= right:
            high = right
        elif middle >= left:
            low = left
        else:
            return
