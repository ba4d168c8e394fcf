"""Nearest neighbors, compiled.

Squared distances are kept as the whole numbers that their bits are, which order alike. A query's
distances are laid out in columns. The k-th smallest of the columns' minima is no less than the k-th
smallest distance, so that only columns whose minimum does not lie beyond it are looked through.
Large clouds are looked through by buckets of neighboring points, from the nearest box on, as long
as a box is nearer than the k-th point found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.geometry.kernels.buckets_cpu import BUCKET, Buckets, buckets
from pcea.geometry.kernels.compiled import compiled, is_finite, spread

Array = NDArray[Any]

# From this many points, and this many queries to each, buckets are worth making.
LARGE, MANY = 2048, 512
# Up to this many keys are sorted by counting for each how many are smaller.
FEW = 256
# How many queries are worth a thread.
SHARE = 64
_INFINITE = np.int32(0x7F800000)
_FILLING = np.int32(0x7FFFFFFF)
_LOW = np.int64(0xFFFFFFFF)


def takes(query: Tensor, pos: Tensor) -> bool:
    """Say whether these are positions that the loops below are right for.

    Args:
        query: (B, M, 3) positions.
        pos: (B, N, 3) positions.

    Returns:
        Whether all are finite as float32.
    """
    return query.shape[-1] == pos.shape[-1] == 3 and is_finite(query) and is_finite(pos)


def knn(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> Tensor:
    """Find each query's k nearest points, the nearest first, ties by the lower index.

    Args:
        query: (B, M, 3) finite positions, taken as float32.
        pos: (B, N, 3) finite positions, taken as float32.
        k: how many neighbors, at most N.
        mask: (B, N) bool, true at real points of ``pos``, or None.

    Returns:
        (B, M, k) int64 indices into N; a cloud of fewer real points repeats its nearest one.
    """
    batch, rows = query.shape[:2]
    index = torch.empty(batch, rows, k, dtype=torch.long)
    queries, points = (each.detach().float().contiguous().numpy() for each in (query, pos))
    real = np.empty((0, 0), bool) if mask is None else mask.contiguous().numpy()
    found = index.numpy()
    if pos.shape[1] < LARGE or rows < MANY:
        spread(
            batch * rows,
            lambda low, high: _by_columns(queries, points, real, found, low, high),
            SHARE,
        )
        return index
    for cloud in range(batch):
        kept = np.flatnonzero(real[cloud]) if len(real) else np.arange(pos.shape[1])
        found[cloud] = 0
        if len(kept):
            parts = buckets(points[cloud], kept.astype(np.int32))
            order = buckets(queries[cloud], np.arange(rows, dtype=np.int32)).origin
            _spread_by_buckets(
                queries[cloud], order.reshape(-1)[:rows], parts, len(real) > 0, found[cloud]
            )
    return index


def _spread_by_buckets(
    query: Array, order: Array, parts: Buckets, padded: bool, found: Array
) -> None:
    spread(
        len(order),
        lambda low, high: _by_buckets(
            query, order[low:high], parts.planes, parts.origin, parts.boxes, padded, found
        ),
        SHARE,
    )


@compiled
def _by_columns(query: Array, pos: Array, mask: Array, found: Array, low: int, high: int) -> None:
    rows, k, total = query.shape[1], found.shape[2], pos.shape[1]
    columns = min(4 * k + 15, total + 15) // 16 * 16
    lines = (total + columns - 1) // columns
    planes = np.zeros((3, lines, columns), np.float32)
    x, y, z = planes[0], planes[1], planes[2]
    distance, minimum = np.empty((lines, columns), np.int32), np.empty(columns, np.int32)
    key = np.empty(lines * columns + 1, np.int64)
    at = -1
    for row in range(low, high):
        cloud, place = row // rows, row % rows
        if cloud != at:
            at = cloud
            for slot in range(lines * columns):
                line, column = slot // columns, slot % columns
                # Padding, and what fills the last line, lies infinitely far away.
                x[line, column] = np.inf
                if slot < total and (len(mask) == 0 or mask[cloud, slot]):
                    for axis in range(3):
                        planes[axis, line, column] = pos[cloud, slot, axis]
        qx, qy, qz = query[cloud, place, 0], query[cloud, place, 1], query[cloud, place, 2]
        for column in range(columns):
            minimum[column] = _INFINITE
        for line in range(lines):
            for column in range(columns):
                dx, dy, dz = qx - x[line, column], qy - y[line, column], qz - z[line, column]
                bits = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
                distance[line, column] = bits
                minimum[column] = min(minimum[column], bits)
        bound = _bound(minimum, columns, k)
        count = 0
        for column in range(columns):
            if minimum[column] <= bound:
                for line in range(lines):
                    own = distance[line, column]
                    key[count] = (np.int64(own) << 32) | (line * columns + column)
                    count += own <= bound
        _write_smallest(key[:count], len(mask) > 0, found[cloud, place])


@compiled
def _by_buckets(
    query: Array,
    order: Array,
    planes: Array,
    origin: Array,
    boxes: Array,
    padded: bool,
    found: Array,
) -> None:
    k, total = found.shape[1], len(origin)
    x, y, z = planes[0], planes[1], planes[2]
    room = max(2 * k, k + 4 * BUCKET)
    distance, which = np.empty(room + BUCKET, np.int32), np.empty(room + BUCKET, np.int32)
    key = np.empty(room + BUCKET, np.int64)
    near = np.empty(BUCKET, np.int32)
    waiting, their_least = np.empty((64, 3), np.int32), np.empty(64, np.int32)
    for place in order:
        qx, qy, qz = query[place, 0], query[place, 1], query[place, 2]
        bound, count, depth = _INFINITE, 0, 1
        tight = k
        waiting[0, 0], waiting[0, 1], waiting[0, 2] = 0, 0, total
        their_least[0] = 0
        while depth > 0:
            depth -= 1
            if their_least[depth] > bound:
                continue
            part, low, high = waiting[depth, 0], waiting[depth, 1], waiting[depth, 2]
            while high - low > 1:
                middle = (low + high) // 2
                second = part + 2 * (middle - low)
                to_first = _to_box(boxes[part + 1], qx, qy, qz)
                to_second = _to_box(boxes[second], qx, qy, qz)
                if to_first <= to_second:
                    waiting[depth, 0], waiting[depth, 1], waiting[depth, 2] = second, middle, high
                    their_least[depth] = to_second
                    part, high = part + 1, middle
                    nearer = to_first
                else:
                    waiting[depth, 0], waiting[depth, 1], waiting[depth, 2] = part + 1, low, middle
                    their_least[depth] = to_first
                    part, low = second, middle
                    nearer = to_second
                if their_least[depth] <= bound:
                    depth += 1
                if nearer > bound:
                    break
            if high - low > 1 or _to_box(boxes[part], qx, qy, qz) > bound:
                continue
            for slot in range(BUCKET):
                dx, dy, dz = qx - x[low, slot], qy - y[low, slot], qz - z[low, slot]
                near[slot] = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
            for slot in range(BUCKET):
                distance[count] = near[slot]
                which[count] = origin[low, slot]
                count += near[slot] <= bound and origin[low, slot] >= 0
            if count >= tight:
                bound = _bound(distance, count, k)
                count = _keep(distance, which, count, bound)
                if count > room - BUCKET:  # most lie equally far: then their order decides
                    count = _keep_smallest(distance, which, count, k)
                tight = min(max(count + BUCKET // 2, count + k // 2), room)
        for one in range(count):
            key[one] = (np.int64(distance[one]) << 32) | np.int64(which[one])
        _write_smallest(key[:count], padded, found[place])


@compiled
def _to_box(box: Array, x: float, y: float, z: float) -> Any:
    zero = np.float32(0)
    dx = max(max(box[0] - x, x - box[3]), zero)
    dy = max(max(box[1] - y, y - box[4]), zero)
    dz = max(max(box[2] - z, z - box[5]), zero)
    return np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)


@compiled
def _bound(value: Array, count: int, k: int) -> Any:
    """Find a number that at least k of the values do not exceed, and not many more."""
    most = np.int32(0)
    least = _FILLING
    for one in range(count):
        most = max(most, value[one])
        least = min(least, value[one])
    low, high = np.int64(least) - 1, np.int64(min(most, _FILLING))
    enough = k + k // 8
    while high - low > 1:
        middle = np.int32((low + high) >> 1)
        under = np.int32(0)
        for one in range(count):
            under = np.int32(under + np.int32(value[one] <= middle))
        if under >= k:
            high = np.int64(middle)
            if under <= enough:
                break
        else:
            low = np.int64(middle)
    return np.int32(high)


@compiled
def _keep(distance: Array, which: Array, count: int, bound: int) -> int:
    kept = 0
    for one in range(count):
        own = distance[one]
        distance[kept], which[kept] = own, which[one]
        kept += own <= bound
    return kept


@compiled
def _keep_smallest(distance: Array, which: Array, count: int, k: int) -> int:
    key = np.empty(count, np.int64)
    for one in range(count):
        key[one] = (np.int64(distance[one]) << 32) | np.int64(which[one])
    ordered = np.sort(key)
    for rank in range(k):
        distance[rank], which[rank] = ordered[rank] >> 32, ordered[rank] & _LOW
    return k


@compiled
def _write_smallest(key: Array, padded: bool, out: Array) -> None:
    """Write the indices of the smallest keys in their order, the first in place of padding."""
    k, count = len(out), len(key)
    if count <= FEW:
        for one in range(count):
            own, rank = key[one], 0
            for other in range(count):
                rank += key[other] < own
            if rank < k:
                out[rank] = own
    else:
        ordered = np.sort(key)
        for rank in range(min(k, count)):
            out[rank] = ordered[rank]
    # Where all lie infinitely far away, padding does too, and the lowest index is 0.
    lost = padded and np.int32(out[0] >> 32) == _INFINITE
    first = np.int64(0) if lost else out[0] & _LOW
    for rank in range(k):
        own = out[rank]
        beyond = rank >= count or (padded and np.int32(own >> 32) == _INFINITE)
        out[rank] = first if beyond else own & _LOW
