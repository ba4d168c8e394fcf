"""Attention written as its equations, with whole maps in memory: the references."""

import torch
from torch import Tensor, nn


class PlainExternalAttention(nn.Module):
    """A = Norm(x Wq Mkᵀ), out = A Mv; the softmax over the points, the unit sum over the slots.

    Args:
        dim: channels C.
        slots: slots S. Default 64.

    Source:
        Guo et al., *Beyond Self-attention*, equations 5 to 7.
    """

    def __init__(self, dim: int, slots: int = 64) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim, bias=False)
        self.mk = nn.Parameter(torch.randn(slots, dim) * dim**-0.5)
        self.mv = nn.Parameter(torch.randn(slots, dim) * dim**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) → (B, N, C)."""
        scores = self.query(x) @ self.mk.T  # (B, N, S)
        weights = scores.softmax(1)
        weights = weights / (weights.sum(-1, keepdim=True) + 1e-9)
        return weights @ self.mv


class PlainOffsetAttention(nn.Module):
    """PCT's offset attention by batched matrix products over (B, C, N), with its map in memory.

    Args:
        dim: channels C.

    Source:
        Guo et al., *PCT*, section 3.3.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query = nn.Conv1d(dim, dim // 4, 1, bias=False)
        self.value = nn.Conv1d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) → (B, N, C)."""
        x = x.permute(0, 2, 1)
        query = self.query(x)
        attention = torch.softmax(torch.bmm(query.permute(0, 2, 1), query), dim=-1)
        attention = attention / (1e-9 + attention.sum(dim=1, keepdim=True))
        return torch.bmm(self.value(x), attention).permute(0, 2, 1)
