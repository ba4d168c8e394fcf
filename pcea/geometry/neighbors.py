"""Nearest neighbors, and features gathered by index."""

import torch
from torch import Tensor

from pcea.geometry.kernels import operator

# How many distances are held at once: on a CPU as many as its caches hold, elsewhere 512 MiB.
PAIRS_AT_ONCE_ON_CPU = 1 << 21
PAIRS_AT_ONCE_ELSEWHERE = 1 << 26


def gather(x: Tensor, index: Tensor) -> Tensor:
    """Gather features (B, N, C) of each cloud at indices (B, …) int64 into N: (B, …, C)."""
    batch, total, channels = x.shape
    offset = torch.arange(batch, device=x.device) * total
    flat = index + offset.view(-1, *[1] * (index.dim() - 1))
    # index_select on one long table: its backward is an index_add, several times quicker than
    # that of a gather over an expanded index.
    rows = x.reshape(batch * total, channels).index_select(0, flat.reshape(-1))
    return rows.view(*index.shape, channels)


def squared_distances(query: Tensor, pos: Tensor) -> Tensor:
    """Find the squared distances of (B, M, 3) to (B, N, 3), 0 for equal points: (B, M, N)."""
    queries = query.transpose(1, 2).contiguous().unsqueeze(3)  # (B, 3, M, 1)
    points = pos.transpose(1, 2).contiguous().unsqueeze(2)  # (B, 3, 1, N)
    squared = (queries[:, 0] - points[:, 0]).square_()
    for axis in (1, 2):
        # Not addcmul: whether that rounds once or twice depends on the processor.
        squared += (queries[:, axis] - points[:, axis]).square_()
    return squared  # (B, M, N)


@torch.no_grad()
def knn(query: Tensor, pos: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    """Find each query's k nearest points, the nearest first, ties by the lower index.

    Of queries (B, M, 3) and points (B, N, 3) in one unit it gives (B, M, k) int64 indices into N, k
    in 1..N. Where ``mask`` (B, N) is false, a point is no neighbor; a cloud with fewer than k real
    points repeats its nearest one.
    """
    total = pos.shape[1]
    if not 1 <= k <= total:
        raise ValueError(f"cannot find {k} neighbors among {total} points")
    return _knn(query, pos, k, mask)


def knn_by_pairs(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> Tensor:
    """Find nearest neighbors as :func:`knn`, in plain torch: what every kernel must agree with."""
    pairs = PAIRS_AT_ONCE_ON_CPU if pos.device.type == "cpu" else PAIRS_AT_ONCE_ELSEWHERE
    some = max(1, pairs // max(1, len(pos) * pos.shape[1]))  # queries of each cloud
    index = query.new_empty(*query.shape[:2], k, dtype=torch.long)
    for low in range(0, query.shape[1], some):
        index[:, low : low + some] = _knn_at_once(query[:, low : low + some], pos, k, mask)
    return index


def _knn_at_once(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> Tensor:
    distance = squared_distances(query.float(), pos.float())  # (B, M, N)
    if mask is not None:
        distance.masked_fill_(~mask.unsqueeze(1), torch.inf)
    # A float that is not negative orders as its bits do: distance above, index below makes keys
    # that are never equal, so that top-k has one answer.
    key = distance.view(torch.int32).long().bitwise_left_shift_(32)
    key |= torch.arange(pos.shape[1], device=pos.device)
    key = key.topk(k, dim=-1, largest=False, sorted=True).values
    index = key & 0xFFFFFFFF
    if mask is not None:
        padding = (key >> 32).int().view(torch.float32) == torch.inf
        index = torch.where(padding, index[..., :1], index)
    return index  # (B, M, k)


def _no_neighbors(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> Tensor:
    return query.new_empty(*query.shape[:2], k, dtype=torch.long)


_knn = operator("neighbors", "knn", knn_by_pairs, _no_neighbors)
