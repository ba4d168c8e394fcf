"""Farthest point sampling, compiled.

Squared distances are kept as the whole numbers that their bits are: for floats that are not
negative these order alike, and their minimum and maximum need no care for NaN, so that they run on
whole vectors. The sums round as torch's do, one operation after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.geometry.kernels.buckets_cpu import BUCKET, buckets
from pcea.geometry.kernels.compiled import compiled, is_finite, spread

Array = NDArray[Any]

# From this many points on, passing over whole buckets is worth making them.
LARGE = 4096
_INFINITE = np.int32(0x7F800000)
# Padding lies nearer than any real point can, and what fills the last bucket nearer still.
_PADDING, _FILLING = np.int32(-1), np.int32(-2)
_NONE = np.int32(0x7FFFFFFF)


def takes(pos: Tensor) -> bool:
    """Say whether these are positions that the loops below are right for.

    Args:
        pos: (B, N, 3) positions.

    Returns:
        Whether they are finite float32.
    """
    return pos.dtype == torch.float32 and pos.shape[-1] == 3 and is_finite(pos)


def farthest_points(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> Tensor:
    """Choose points one by one, each the farthest from all chosen before.

    Args:
        pos: (B, N, 3) finite float32 positions.
        num: how many points to choose.
        first: (B, 1) int64 the point that comes first.
        mask: (B, N) bool, true at real points, or None.

    Returns:
        (B, num) int64 indices into N, in the order of choice.
    """
    chosen = torch.zeros(len(pos), num, dtype=torch.long)
    chosen[:, :1] = first
    points, out = pos.detach().contiguous().numpy(), chosen.numpy()
    real = np.ones(pos.shape[:2], bool) if mask is None else mask.contiguous().numpy()
    loop = _by_buckets if pos.shape[1] >= LARGE else _by_points
    spread(len(pos), lambda low, high: loop(points[low:high], real[low:high], out[low:high]))
    return chosen


def _by_buckets(pos: Array, mask: Array, out: Array) -> None:
    for cloud, real, chosen in zip(pos, mask, out, strict=True):
        kept = np.flatnonzero(real).astype(np.int32)
        if len(kept):
            planes, origin, _, leaves = buckets(cloud, kept)
            distance = np.where(origin >= 0, _INFINITE, _FILLING)
            # Of each bucket: how far its farthest point is, which one that is, what else it takes.
            farthest, which, near = np.full((3, leaves.shape[1]), _NONE)
            _choose(cloud, planes, origin, leaves, distance, farthest, which, near, chosen)


@compiled
def _by_points(pos: Array, mask: Array, out: Array) -> None:
    clouds, total, num = pos.shape[0], pos.shape[1], out.shape[1]
    lines = (total + BUCKET - 1) // BUCKET
    planes = np.zeros((3, lines, BUCKET), np.float32)
    x, y, z = planes[0], planes[1], planes[2]
    distance = np.empty((lines, BUCKET), np.int32)
    for cloud in range(clouds):
        for slot in range(lines * BUCKET):
            line, place = slot // BUCKET, slot % BUCKET
            distance[line, place] = _FILLING
            if slot < total:
                distance[line, place] = _INFINITE if mask[cloud, slot] else _PADDING
                for axis in range(3):
                    planes[axis, line, place] = pos[cloud, slot, axis]
        for step in range(num - 1):
            last = out[cloud, step]
            cx, cy, cz = pos[cloud, last, 0], pos[cloud, last, 1], pos[cloud, last, 2]
            best, best_line = _FILLING, 0
            for line in range(lines):
                most = _FILLING
                for place in range(BUCKET):
                    dx, dy, dz = x[line, place] - cx, y[line, place] - cy, z[line, place] - cz
                    bits = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
                    bits = min(bits, distance[line, place])
                    distance[line, place] = bits
                    most = max(most, bits)
                if most > best:
                    best, best_line = most, line
            found = _NONE
            for place in range(BUCKET):
                own = np.int32(best_line * BUCKET + place)
                found = min(found, own if distance[best_line, place] == best else _NONE)
            out[cloud, step + 1] = found


@compiled
def _choose(
    pos: Array,
    planes: Array,
    origin: Array,
    boxes: Array,
    distance: Array,
    farthest: Array,
    which: Array,
    near: Array,
    out: Array,
) -> None:
    total = len(farthest)
    x, y, z = planes[0], planes[1], planes[2]
    lx, ly, lz, hx, hy, hz = boxes[0], boxes[1], boxes[2], boxes[3], boxes[4], boxes[5]
    for step in range(len(out) - 1):
        cx, cy, cz = pos[out[step], 0], pos[out[step], 1], pos[out[step], 2]
        for bucket in range(total):
            dx = max(max(lx[bucket] - cx, cx - hx[bucket]), np.float32(0))
            dy = max(max(ly[bucket] - cy, cy - hy[bucket]), np.float32(0))
            dz = max(max(lz[bucket] - cz, cz - hz[bucket]), np.float32(0))
            near[bucket] = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
        for bucket in range(total):
            if near[bucket] >= farthest[bucket]:
                continue
            most = _FILLING
            for place in range(BUCKET):
                dx, dy, dz = x[bucket, place] - cx, y[bucket, place] - cy, z[bucket, place] - cz
                bits = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
                bits = min(bits, distance[bucket, place])
                distance[bucket, place] = bits
                most = max(most, bits)
            found = _NONE
            for place in range(BUCKET):
                own = origin[bucket, place] if distance[bucket, place] == most else _NONE
                found = min(found, own)
            farthest[bucket], which[bucket] = most, found
        best = _FILLING
        for bucket in range(total):
            best = max(best, farthest[bucket])
        found = _NONE
        for bucket in range(total):
            found = min(found, which[bucket] if farthest[bucket] == best else _NONE)
        out[step + 1] = found
