"""Farthest points and neighbors in the fewest lines of torch: what the fast ones are held to."""

import torch
from torch import Tensor


@torch.no_grad()
def plain_farthest_points(pos: Tensor, num: int) -> Tensor:
    """Farthest point sampling over (B, N, 3), the distances kept by a minimum.

    Args:
        pos: (B, N, 3) positions.
        num: how many points to choose.

    Returns:
        (B, num) int64 indices, from point 0 on.
    """
    rows = torch.arange(len(pos), device=pos.device)
    distance = pos.new_full(pos.shape[:2], torch.inf)  # (B, N)
    last = torch.zeros(len(pos), dtype=torch.long, device=pos.device)
    chosen = []
    for _ in range(num):
        chosen.append(last)
        squared = (pos - pos[rows, last].unsqueeze(1)).square().sum(-1)
        distance = torch.minimum(distance, squared)
        last = distance.argmax(1)
    return torch.stack(chosen, dim=1)


@torch.no_grad()
def usual_farthest_points(pos: Tensor, num: int) -> Tensor:
    """The same as point cloud code usually has it: nearer points are found by a mask and written.

    Args:
        pos: (B, N, 3) positions.
        num: how many points to choose.

    Returns:
        (B, num) int64 indices, from point 0 on.
    """
    batch, total, _ = pos.shape
    chosen = torch.zeros(batch, num, dtype=torch.long, device=pos.device)
    distance = pos.new_full((batch, total), 1e10)
    farthest = torch.zeros(batch, dtype=torch.long, device=pos.device)
    rows = torch.arange(batch, dtype=torch.long, device=pos.device)
    for i in range(num):
        chosen[:, i] = farthest
        center = pos[rows, farthest, :].view(batch, 1, 3)
        squared = torch.sum((pos - center) ** 2, -1)
        nearer = squared < distance
        distance[nearer] = squared[nearer]
        farthest = torch.max(distance, -1)[1]
    return chosen


@torch.no_grad()
def plain_neighbors(query: Tensor, pos: Tensor, k: int) -> Tensor:
    """Nearest neighbors by ``cdist`` and ``topk``.

    Args:
        query: (B, M, 3) where to look from.
        pos: (B, N, 3) where to look.
        k: how many neighbors.

    Returns:
        (B, M, k) int64 indices into N, the nearest first.
    """
    return torch.cdist(query, pos).topk(k, dim=-1, largest=False).indices
