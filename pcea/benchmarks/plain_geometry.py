"""Farthest points and neighbors in a few lines of torch: the references of the fast ones."""

import torch
from torch import Tensor


@torch.no_grad()
def plain_farthest_points(pos: Tensor, num: int) -> Tensor:
    """Sample ``num`` farthest points of (B, N, 3), from point 0 on: (B, num) int64 indices."""
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
    """Sample the same points in the form that is usual in the field, which updates by a mask."""
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
    """Find the k nearest of (B, N, 3) for each query (B, M, 3): (B, M, k) int64, nearest first."""
    return torch.cdist(query, pos).topk(k, dim=-1, largest=False).indices
