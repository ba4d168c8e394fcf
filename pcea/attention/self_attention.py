"""Self-attention: every point reads from every point of its cloud."""

import torch.nn.functional as F
from torch import Tensor, nn

from pcea.attention.base import (
    Attention,
    MapKind,
    at_least_float32,
    masked_softmax,
    register_attention,
    width_of_head,
)


@register_attention("self")
class SelfAttention(Attention):
    """Multi-head self-attention: A = softmax(Q Kᵀ / √d) over the keys, out = concat(A V) Wo.

    ``forward`` runs torch's fused kernel, which never stores the map; ``attend`` computes the
    same and stores it. Q, K and V have no bias (softmax would cancel that of K).

    Args:
        dim: channels C.
        heads: number of heads H, a divisor of C; each has d = C/H channels.

    Raises:
        InputError: a size is not a positive whole number, or the heads do not divide C.

    Source:
        Vaswani et al., Attention Is All You Need, arXiv 1706.03762, eq. 1 and section 3.2.2.
    """

    map_kind: MapKind = "points"

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.head_dim = width_of_head(dim, heads)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.project = nn.Linear(dim, dim)

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output by ``scaled_dot_product_attention``; see ``Attention.forward``."""
        return self._merge(self._read(*self._split(x), mask), mask)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map A, (B, H, N, N); see ``Attention.attend``."""
        query, key, value = self._split(x)
        weights = self._weights(query, key, mask)
        return self._merge(weights.to(value.dtype) @ value, mask), weights

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, self.head_dim))  # (B, N, 3, H, d)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B, H, N, d) each
        return query, key, value

    def _read(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Compute A V, (B, H, N, d), without storing A."""
        # A cloud without real points may read every key: a softmax over no keys would be NaN.
        keys = None if mask is None else (mask | ~mask.any(1, keepdim=True))[:, None, None, :]
        return F.scaled_dot_product_attention(query, key, value, attn_mask=keys)

    def _weights(self, query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
        """Compute A, (B, H, N, N)."""
        scores = at_least_float32(query @ key.mT) * self.head_dim**-0.5
        real = None if mask is None else mask[:, None, :, None] & mask[:, None, None, :]
        return masked_softmax(scores, real, -1)

    def _merge(self, read: Tensor, mask: Tensor | None) -> Tensor:
        out: Tensor = self.project(read.transpose(1, 2).flatten(2))  # (B, N, C)
        return out if mask is None else out * mask.unsqueeze(-1)
