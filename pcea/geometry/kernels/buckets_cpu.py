"""Divide a cloud into buckets of neighboring points, by halving it along its longest sides.

The distance to a bucket's bounding box is a lower bound of the distances to its points. Both are
computed by the same operations in the same order, so that the bound holds in spite of rounding.
"""

from typing import NamedTuple

import numpy as np

from pcea.geometry.kernels.compiled import Array, compiled

# Points per bucket: a multiple of the vector length of every processor.
BUCKET = 64


class Buckets(NamedTuple):
    """A cloud in T buckets, a power of two, and the bounding boxes of all its halves."""

    planes: Array  # (3, T, BUCKET) float32 x, y and z; infinite at padding and after the last point
    origin: Array  # (T, BUCKET) int32 index of each point
    # (2 · T - 1, 6) float32 lowest and highest x, y and z. The halves of box i are 2 · i + 1 and
    # 2 · i + 2; the boxes of the buckets come last.
    boxes: Array


def buckets(pos: Array, mask: Array | None = None) -> Buckets:
    """Sort a cloud's points, (N, 3), into buckets of neighboring points."""
    total = 1 << (-(-len(pos) // BUCKET) - 1).bit_length()
    planes = np.full((3, total * BUCKET), np.inf, np.float32)
    planes[:, : len(pos)] = pos.T if mask is None else np.where(mask, pos.T, np.inf)
    origin = np.arange(total * BUCKET, dtype=np.int32)
    boxes = np.empty((2 * total - 1, 6), np.float32)
    _divide(planes, origin, boxes)
    return Buckets(planes.reshape(3, -1, BUCKET), origin.reshape(-1, BUCKET), boxes)


@compiled
def _divide(planes: Array, origin: Array, boxes: Array) -> None:
    box, size = 0, len(origin)
    while size >= BUCKET:
        for first in range(0, len(origin), size):
            for axis in range(3):
                least = most = planes[axis, first]
                for slot in range(first + 1, first + size):
                    least = min(least, planes[axis, slot])
                    most = max(most, planes[axis, slot])
                boxes[box, axis], boxes[box, 3 + axis] = least, most
            if size > BUCKET and boxes[box, 0] < np.inf:
                widest = np.argmax(boxes[box, 3:] - boxes[box, :3])
                _halve(planes, origin, widest, first, first + size, first + size // 2)
            box += 1
        size //= 2


@compiled
def _halve(planes: Array, origin: Array, axis: int, first: int, end: int, middle: int) -> None:
    """Partition first … end along an axis: the lower half of the points before the middle."""
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
