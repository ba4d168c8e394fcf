"""Nearest neighbors, compiled.

A candidate is one integer, with the bits of its squared distance above its index: such integers
sort by distance, ties by the lower index. The distances of a query are stored in columns. The k-th
smallest of the columns' minima is no less than the k-th smallest distance, so only columns with a
minimum up to it are searched. Large clouds are searched by buckets of neighboring points, from the
nearest box on, as long as a box is nearer than the k-th point found.
"""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pcea.geometry.kernels.buckets_cpu import BUCKET, Buckets, buckets
from pcea.geometry.kernels.compiled import Array, compiled, is_finite
from pcea.parallel import parallel_for

# Buckets pay off from this many points and this many queries per cloud.
LARGE, MANY = 2048, 512
# Up to this many keys are sorted by counting the smaller ones for each.
FEW = 256
# Least queries per thread.
SHARE = 64
_INFINITE = np.int32(0x7F800000)
# Above every key of a point.
_LAST = np.int64(0x7F800001 << 32)


def takes(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> bool:
    """Tell whether the loops below can take these positions: (…, 3), finite."""
    return query.shape[-1] == pos.shape[-1] == 3 and is_finite(query) and is_finite(pos)


def knn(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> Tensor:
    """Compute :func:`pcea.geometry.neighbors.knn_by_pairs`."""
    batch, rows = query.shape[:2]
    queries, points = (each.detach().float().contiguous().numpy() for each in (query, pos))
    real = np.ones(pos.shape[:2], bool) if mask is None else mask.contiguous().numpy()
    index = torch.empty(batch, rows, k, dtype=torch.long)
    found = index.numpy()
    if pos.shape[1] < LARGE or rows < MANY:
        parallel_for(batch * rows, partial(_by_columns, queries, points, real, found), SHARE)
    else:
        for cloud in range(batch):
            order = buckets(queries[cloud]).origin.ravel()
            order = order[order < rows]
            parts = buckets(points[cloud], real[cloud])
            search = partial(_by_buckets, queries[cloud], order, parts, found[cloud])
            parallel_for(rows, search, SHARE)
    if real.all():
        return index.bitwise_and_(0xFFFFFFFF)
    padding = index >> 32 == int(_INFINITE)
    index.bitwise_and_(0xFFFFFFFF)
    return torch.where(padding, index[..., :1], index)


@compiled
def _by_columns(query: Array, pos: Array, mask: Array, found: Array, low: int, high: int) -> None:
    rows, k, total = query.shape[1], found.shape[2], pos.shape[1]
    columns = min(8 * k + 15, total + 15) // 16 * 16
    lines = (total + columns - 1) // columns
    planes = np.empty((3, lines, columns), np.float32)
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
                # Padding, and the unused end of the last line, are infinitely far away.
                real = slot < total and mask[cloud, slot]
                for axis in range(3):
                    planes[axis, line, column] = pos[cloud, slot, axis] if real else np.inf
        qx, qy, qz = query[cloud, place, 0], query[cloud, place, 1], query[cloud, place, 2]
        minimum[:] = _INFINITE
        for line in range(lines):
            for column in range(columns):
                dx, dy, dz = qx - x[line, column], qy - y[line, column], qz - z[line, column]
                bits = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
                distance[line, column] = bits
                minimum[column] = min(minimum[column], bits)
        bound = _bound(minimum, k)
        count = 0
        for column in range(columns):
            if minimum[column] <= bound:
                for line in range(lines):
                    own = distance[line, column]
                    key[count] = (np.int64(own) << 32) | (line * columns + column)
                    count += own <= bound
        _write_smallest(key[:count], found[cloud, place])


@compiled
def _by_buckets(
    query: Array, order: Array, parts: Buckets, found: Array, low: int, high: int
) -> None:
    k = found.shape[1]
    planes, origin, boxes = parts
    x, y, z = planes[0], planes[1], planes[2]
    leaves = len(boxes) // 2  # the first bucket's place in the tree
    key = np.empty(2 * k + 5 * BUCKET, np.int64)
    near = np.empty(BUCKET, np.int32)
    # No more parts wait than there are levels.
    waiting, their_least = np.empty(64, np.int32), np.empty(64, np.int32)
    for place in order[low:high]:
        qx, qy, qz = query[place, 0], query[place, 1], query[place, 2]
        bound, count, full = _LAST, 0, k
        waiting[0], their_least[0], depth = 0, 0, 1
        while depth > 0:
            depth -= 1
            part, least = waiting[depth], their_least[depth]
            reach = bound >> 32
            while least <= reach and part < leaves:
                nearer, other = 2 * part + 1, 2 * part + 2
                least = _to_box(boxes[nearer], qx, qy, qz)
                beyond = _to_box(boxes[other], qx, qy, qz)
                if beyond < least:
                    nearer, other, least, beyond = other, nearer, beyond, least
                waiting[depth], their_least[depth] = other, beyond
                depth += beyond <= reach
                part = nearer
            if least > reach:
                continue
            line = part - leaves
            for slot in range(BUCKET):
                dx, dy, dz = qx - x[line, slot], qy - y[line, slot], qz - z[line, slot]
                near[slot] = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
            for slot in range(BUCKET):
                key[count] = (np.int64(near[slot]) << 32) | origin[line, slot]
                count += key[count] <= bound
            if count >= full:
                bound = _bound(key[:count], k)
                kept = 0
                for one in range(count):
                    key[kept] = key[one]
                    kept += key[one] <= bound
                count = kept
                full = max(count + BUCKET // 2, count + k // 2)
        _write_smallest(key[:count], found[place])


@compiled
def _to_box(box: Array, x: float, y: float, z: float) -> Any:
    zero = np.float32(0)
    dx = max(max(box[0] - x, x - box[3]), zero)
    dy = max(max(box[1] - y, y - box[4]), zero)
    dz = max(max(box[2] - z, z - box[5]), zero)
    return np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)


@compiled
def _bound(value: Array, k: int) -> Any:
    """Find a number that at least k values do not exceed, and only few more."""
    least = most = value[0]
    for one in range(len(value)):
        least, most = min(least, value[one]), max(most, value[one])
    low, high = np.int64(least) - 1, np.int64(most)
    while high - low > 1:
        middle = value.dtype.type(low + (high - low) // 2)
        under = np.int32(0)
        for one in range(len(value)):
            under = np.int32(under + np.int32(value[one] <= middle))
        if under >= k:
            high = np.int64(middle)
            if under <= k + k // 8:
                break
        else:
            low = np.int64(middle)
    return value.dtype.type(high)


@compiled
def _write_smallest(key: Array, out: Array) -> None:
    # Loops of our own: np.sort and array assignments would take six seconds to compile.
    k, count = len(out), len(key)
    if count > FEW:
        _sort(key)
        for one in range(k):
            out[one] = key[one]
        return
    for one in range(count):
        rank = 0
        for other in range(count):
            rank += key[other] < key[one]
        if rank < k:
            out[rank] = key[one]


@compiled
def _sort(key: Array) -> None:
    """Sort by a heap whose largest number, at its root, is moved behind it again and again."""
    start, end = len(key) // 2, len(key)
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            key[0], key[end] = key[end], key[0]
        root = start
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and key[child + 1] > key[child]:
                child += 1
            if key[root] >= key[child]:
                break
            key[root], key[child] = key[child], key[root]
            root = child
