"""Carrying features from some points of a shape to others."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.geometry.neighbors import gather, knn

EPSILON = 1e-8


def three_interpolate(
    query: Tensor, pos: Tensor, x: Tensor, mask: Tensor | None = None, k: int = 3
) -> Tensor:
    """Average the k nearest points' features, weighted by inverse squared distance: (B, M, C).

    The features ``x`` (B, N, C) are known at ``pos`` (B, N, 3), and wanted at ``query`` (B, M, 3),
    in the same unit; where ``mask`` (B, N) is false, nothing is known. Clouds of fewer than k
    points use all they have. At a known point they are that point's own to within 1e-8 / d², with d
    the distance to its next neighbor. Source: Qi et al., *PointNet++*, equation 2 (k = 3, p = 2).
    """
    index = knn(query, pos, min(k, pos.shape[1]), mask)  # (B, M, k)
    offset = gather(pos, index) - query.unsqueeze(2)  # (B, M, k, 3)
    weight = 1.0 / (offset.square().sum(-1) + EPSILON)  # (B, M, k)
    weight = weight / weight.sum(-1, keepdim=True)
    if x.device.type != "cpu":
        return (gather(x, index) * weight.unsqueeze(-1).to(x.dtype)).sum(2)  # (B, M, C)
    # On a CPU the neighbors' features are never held: one bag of them a query.
    offset = torch.arange(len(x)).view(-1, 1, 1) * x.shape[1]
    exact = torch.promote_types(x.dtype, torch.float32)
    bags = F.embedding_bag(
        (index + offset).flatten(0, 1),
        x.flatten(0, 1).to(exact),
        mode="sum",
        per_sample_weights=weight.flatten(0, 1).to(exact),
    )
    return bags.view(*index.shape[:2], -1).to(x.dtype)  # (B, M, C)
