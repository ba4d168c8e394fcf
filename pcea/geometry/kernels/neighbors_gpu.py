"""Nearest neighbors in Triton: one program per 16 queries, which reads the points once.

A candidate is one integer, with the bits of its squared distance above its index, inverted so that
the nearest is the largest. The best so far stay sorted in registers; a tile of points is sorted
only if one of them is better than the worst of those.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

# The registers of a program cannot hold more sorted candidates.
MOST_NEIGHBORS = 128
# Queries per program, and least points per tile.
_QUERIES, _POINTS = 16, 128


def takes(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> bool:
    """Tell whether the kernel can take these positions, (…, 3), and this number of neighbors."""
    return query.shape[-1] == pos.shape[-1] == 3 and k <= MOST_NEIGHBORS


def knn(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> Tensor:
    """Compute :func:`pcea.geometry.neighbors.knn_by_pairs`."""
    batch, rows = query.shape[:2]
    index = torch.empty(batch, rows, k, dtype=torch.long, device=pos.device)
    if not index.numel():
        return index
    best = max(triton.next_power_of_2(k), 2)
    with torch.cuda.device_of(pos):
        _search[(triton.cdiv(rows, _QUERIES), batch)](
            query.detach().float().contiguous(),
            pos.detach().float().contiguous(),
            index if mask is None else mask.contiguous().view(torch.uint8),
            index,
            rows,
            pos.shape[1],
            k,
            padded=mask is not None,
            queries=_QUERIES,
            points=max(_POINTS, best),
            best=best,
            num_warps=4,
            # Round after each operation, as torch does.
            enable_fp_fusion=False,
        )
    return index


@triton.jit
def _search(  # type: ignore[no-untyped-def]
    query,
    pos,
    mask,
    index,
    rows,
    total,
    k,
    padded: tl.constexpr,
    queries: tl.constexpr,
    points: tl.constexpr,
    best: tl.constexpr,
):
    row = tl.program_id(0) * queries + tl.arange(0, queries)
    cloud = tl.program_id(1).to(tl.int64)
    valid = row < rows
    query += (cloud * rows + row) * 3
    qx = tl.load(query, valid, 0.0)[:, None]  # (queries, 1)
    qy = tl.load(query + 1, valid, 0.0)[:, None]
    qz = tl.load(query + 2, valid, 0.0)[:, None]
    pos += cloud * total * 3
    none = -0x7FFFFFFFFFFFFFFF - 1
    found = tl.full([queries, best], none, tl.int64)  # ascending
    for start in range(0, total, points):
        point = start + tl.arange(0, points)
        inside = point < total
        dx = qx - tl.load(pos + point * 3, inside, 0.0)[None, :]  # (queries, points)
        dy = qy - tl.load(pos + point * 3 + 1, inside, 0.0)[None, :]
        dz = qz - tl.load(pos + point * 3 + 2, inside, 0.0)[None, :]
        bits = (dx * dx + dy * dy + dz * dz).to(tl.int32, bitcast=True)
        if padded:
            real = tl.load(mask + cloud * total + point, inside, 0)[None, :]
            bits = tl.where(real == 0, 0x7F800000, bits)
        key = ~((bits.to(tl.int64) << 32) | point[None, :].to(tl.int64))
        key = tl.where(inside[None, :], key, none)
        better = tl.max(key, 1) > tl.min(found, 1)
        if tl.max((better & valid).to(tl.int32), 0) > 0:
            # One is ascending and the other descending, so the larger of each pair are the best.
            found = tl.maximum(found, tl.topk(key, best))
            found = tl.bitonic_merge(found)
    key = ~found
    at = key & 0xFFFFFFFF
    place = best - 1 - tl.arange(0, best)[None, :]  # the nearest is last
    if padded:
        nearest = tl.sum(tl.where(place == 0, at, 0), 1)[:, None]
        at = tl.where((key >> 32) == 0x7F800000, nearest, at)
    out = index + (cloud * rows + row)[:, None] * k + place
    tl.store(out, at, valid[:, None] & (place < k))
