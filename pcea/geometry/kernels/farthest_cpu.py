"""Farthest point sampling, compiled.

Squared distances are stored as the integers with the same bits, which have the same order for
non-negative floats. Minimum and maximum of integers need no special case for NaN, so that they are
vectorized. The sums are rounded after each operation, as in torch.
"""

import numpy as np
import torch
from torch import Tensor

from pcea.geometry.kernels.buckets_cpu import BUCKET, buckets
from pcea.geometry.kernels.compiled import Array, compiled, is_finite
from pcea.parallel import parallel_for

# From this many points on, buckets pay off, because whole buckets can be skipped.
LARGE = 4096
_INFINITE = np.int32(0x7F800000)
# Padding is nearer than any real point.
_PADDING = np.int32(-1)
_NONE = np.int32(0x7FFFFFFF)


def takes(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> bool:
    """Tell whether the loop below can take these positions: (…, 3) finite float32."""
    return pos.dtype == torch.float32 and pos.shape[-1] == 3 and is_finite(pos)


def farthest_points(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> Tensor:
    """Compute :func:`pcea.geometry.sampling.farthest_points_by_steps`."""
    chosen = torch.zeros(len(pos), num, dtype=torch.long)
    chosen[:, :1] = first
    points, out = pos.detach().contiguous().numpy(), chosen.numpy()
    real = np.ones(pos.shape[:2], bool) if mask is None else mask.contiguous().numpy()
    lines = -(-pos.shape[1] // BUCKET)
    order = np.arange(lines * BUCKET, dtype=np.int32).reshape(lines, BUCKET)
    no_boxes = np.empty((6, 0), np.float32)

    def work(low: int, high: int) -> None:
        if pos.shape[1] < LARGE:
            _choose(points[low:high], real[low:high], order, no_boxes, out[low:high])
            return
        for cloud in range(low, high):
            one = slice(cloud, cloud + 1)
            parts = buckets(points[cloud], real[cloud])
            boxes = np.ascontiguousarray(parts.boxes[len(parts.origin) - 1 :].T)
            _choose(points[one], real[one], parts.origin, boxes, out[one])

    parallel_for(len(pos), work)
    return chosen


@compiled
def _choose(pos: Array, mask: Array, origin: Array, boxes: Array, out: Array) -> None:
    """Choose points; buckets can be skipped by their boxes (6, T), unless these are (6, 0)."""
    lines, total = len(origin), pos.shape[1]
    lx, ly, lz, hx, hy, hz = boxes[0], boxes[1], boxes[2], boxes[3], boxes[4], boxes[5]
    near, farthest = np.zeros(lines, np.int32), np.empty(lines, np.int32)
    # Allocated here, because numba would otherwise test in each line whether they overlap.
    planes = np.zeros((3, lines, BUCKET), np.float32)
    x, y, z = planes[0], planes[1], planes[2]
    distance = np.empty((lines, BUCKET), np.int32)
    for cloud in range(len(pos)):
        for line in range(lines):
            farthest[line] = _PADDING
            for place in range(BUCKET):
                point = origin[line, place]
                distance[line, place] = _PADDING
                if point < total and mask[cloud, point]:
                    distance[line, place] = farthest[line] = _INFINITE
                    for axis in range(3):
                        planes[axis, line, place] = pos[cloud, point, axis]
        for step in range(out.shape[1] - 1):
            last = out[cloud, step]
            cx, cy, cz = pos[cloud, last, 0], pos[cloud, last, 1], pos[cloud, last, 2]
            for line in range(len(lx)):
                dx = max(max(lx[line] - cx, cx - hx[line]), np.float32(0))
                dy = max(max(ly[line] - cy, cy - hy[line]), np.float32(0))
                dz = max(max(lz[line] - cz, cz - hz[line]), np.float32(0))
                near[line] = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
            best, leading = _PADDING, 0
            for line in range(lines):
                if near[line] < farthest[line]:
                    most = _PADDING
                    for place in range(BUCKET):
                        dx, dy, dz = x[line, place] - cx, y[line, place] - cy, z[line, place] - cz
                        bits = np.float32(dx * dx + dy * dy + dz * dz).view(np.int32)
                        bits = min(bits, distance[line, place])
                        distance[line, place] = bits
                        most = max(most, bits)
                    farthest[line] = most
                if farthest[line] > best:
                    best, leading = farthest[line], line
            found = _NONE
            for line in range(leading, lines):
                if farthest[line] == best:
                    for place in range(BUCKET):
                        own = origin[line, place]
                        found = min(found, own if distance[line, place] == best else _NONE)
            out[cloud, step + 1] = found
