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

    planes: Array  # (3, T, BUCKET) float32 x, y and z
    origin: Array  # (T, BUCKET) int32 which point each is
    boxes: Array  # (2 · T - 1, 6) float32 lowest and highest x, y and z of each part
    # (2 · T - 1,) int32 a part's second half; its first one follows it. Of a bucket, minus its place.
    second: Array


def in_planes(pos: Array, mask: Array | None, width: int) -> Array:
    """Separate coordinates, in lines of a width: (B, N, 3) → (B, 3, lines, width) float32.

    Padding, and what fills the last line, lies at infinity.
    """
    batch, total = pos.shape[:2]
    lines = -(-total // width)
    planes = np.full((batch, 3, lines * width), np.inf, np.float32)
    planes[:, :, :total] = pos.transpose(0, 2, 1)
    if mask is not None:
        np.copyto(planes[:, :, :total], np.inf, where=~mask[:, None])
    return planes.reshape(batch, 3, lines, width)


def in_buckets(planes: Array) -> Buckets:
    """Order a cloud's points, (3, T, BUCKET), in place, so that each bucket's lie near each other."""
    total = planes.shape[1]
    origin = np.arange(total * BUCKET, dtype=np.int32)
    boxes, second = np.empty((2 * total - 1, 6), np.float32), np.empty(2 * total - 1, np.int32)
    _divide(planes.reshape(3, -1), origin, boxes, second)
    return Buckets(planes, origin.reshape(-1, BUCKET), boxes, second)


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
