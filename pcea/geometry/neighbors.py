"""Nearest neighbors, gathering by index, and interpolation between points."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.geometry.kernels import with_kernels

# How many distances are held at once: those that fit a CPU's caches, elsewhere 512 MiB.
PAIRS_AT_ONCE_ON_CPU = 1 << 21
PAIRS_AT_ONCE_ELSEWHERE = 1 << 26


def gather(x: Tensor, index: Tensor) -> Tensor:
    """Gather features (B, N, C) of each cloud at indices (B, …) int64 into N: (B, …, C)."""
    batch, total, channels = x.shape
    offset = torch.arange(batch, device=x.device) * total
    flat = index + offset.view(-1, *[1] * (index.dim() - 1))
    # The backward pass of index_select is an index_add, several times as fast as that of a gather
    # over an expanded index.
    rows = x.reshape(batch * total, channels).index_select(0, flat.reshape(-1))
    return rows.view(*index.shape, channels)


def squared_distances(query: Tensor, pos: Tensor) -> Tensor:
    """Compute the squared distances of (B, M, 3) to (B, N, 3), 0 for equal points: (B, M, N)."""
    queries = query.transpose(1, 2).contiguous().unsqueeze(3)  # (B, 3, M, 1)
    points = pos.transpose(1, 2).contiguous().unsqueeze(2)  # (B, 3, 1, N)
    squared = (queries[:, 0] - points[:, 0]).square_()
    for axis in (1, 2):
        # Not addcmul, which rounds once or twice, depending on the processor.
        squared += (queries[:, axis] - points[:, axis]).square_()
    return squared  # (B, M, N)


@torch.no_grad()
def knn(query: Tensor, pos: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    """Find each query's k nearest points, the nearest first, ties by the lower index.

    For queries (B, M, 3) and points (B, N, 3) in the same unit, returns indices into N, (B, M, k)
    int64, with k in 1..N. Points with a false ``mask`` (B, N) are never neighbors; a cloud with
    fewer than k real points repeats its nearest one.
    """
    total = pos.shape[1]
    if not 1 <= k <= total:
        raise ValueError(f"cannot find {k} neighbors among {total} points")
    return _knn(query, pos, k, mask)


def three_interpolate(
    query: Tensor, pos: Tensor, x: Tensor, mask: Tensor | None = None, k: int = 3
) -> Tensor:
    """Average the k nearest points' features, weighted by inverse squared distance: (B, M, C).

    Interpolates features ``x`` (B, N, C) from points ``pos`` (B, N, 3) to ``query`` (B, M, 3), in
    the same unit; points with a false ``mask`` (B, N) are ignored. Clouds of fewer than k points
    use all of them. At a point of ``pos``, the result is that point's feature to within 1e-8 / d²,
    with the distance d to its nearest neighbor. Source: Qi et al., *PointNet++*, equation 2 (with
    k = 3, p = 2).
    """
    index = knn(query, pos, min(k, pos.shape[1]), mask)  # (B, M, k)
    offset = gather(pos, index) - query.unsqueeze(2)  # (B, M, k, 3)
    weight = 1.0 / (offset.square().sum(-1) + 1e-8)  # (B, M, k)
    weight = weight / weight.sum(-1, keepdim=True)
    if x.device.type != "cpu":
        return (gather(x, index) * weight.unsqueeze(-1).to(x.dtype)).sum(2)  # (B, M, C)
    # On a CPU, one bag per query sums up the neighbors' features without storing them.
    offset = torch.arange(len(x)).view(-1, 1, 1) * x.shape[1]
    exact = torch.promote_types(x.dtype, torch.float32)
    bags = F.embedding_bag(
        (index + offset).flatten(0, 1),
        x.flatten(0, 1).to(exact),
        mode="sum",
        per_sample_weights=weight.flatten(0, 1).to(exact),
    )
    return bags.view(*index.shape[:2], -1).to(x.dtype)  # (B, M, C)


def knn_by_pairs(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> Tensor:
    """Find nearest neighbors in plain torch; every kernel must give the same indices."""
    pairs = PAIRS_AT_ONCE_ON_CPU if pos.device.type == "cpu" else PAIRS_AT_ONCE_ELSEWHERE
    chunk = max(1, pairs // max(1, len(pos) * pos.shape[1]))  # queries of each cloud
    index = query.new_empty(*query.shape[:2], k, dtype=torch.long)
    for low in range(0, query.shape[1], chunk):
        index[:, low : low + chunk] = _knn_at_once(query[:, low : low + chunk], pos, k, mask)
    return index


def _knn_at_once(query: Tensor, pos: Tensor, k: int, mask: Tensor | None) -> Tensor:
    distance = squared_distances(query.float(), pos.float())  # (B, M, N)
    if mask is not None:
        distance.masked_fill_(~mask.unsqueeze(1), torch.inf)
    # Non-negative floats order as their bits do. With the index in the lower bits, keys are never
    # equal, so that top-k has only one answer.
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


_knn = with_kernels("neighbors", "knn", knn_by_pairs, _no_neighbors)
