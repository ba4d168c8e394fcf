"""Linear attention: the softmax of self-attention replaced by 1 + q·k."""

import torch.nn.functional as F
from torch import Tensor, nn

from pcea.attention.base import (
    Attention,
    at_least_float32,
    register_attention,
    require_positive,
)


@register_attention("linear")
class LinearAttention(Attention):
    """Linear attention: A_nm = (1 + q_n·k_m) / Σ_m (1 + q_n·k_m), out = A V.

    1 + q·k is the Taylor expansion of exp(q·k) to first order; q and k have unit length, so it is
    never negative. ``forward`` computes Σ_m V_m + q_n Σ_m k_m V_mᵀ, whose cost is linear in the
    points; ``attend`` computes the map.

    The paper's x + γ · out is the option ``residual="add"`` of every model, whose linear layer does
    what the learned factor γ does.

    Args:
        dim: channels C.
        query_dim: channels of query and key; None: C/8.
        eps: added to Σ_m k_m, and the smallest denominator.

    Raises:
        InputError: a size is not a positive whole number.

    Source:
        Li et al., Linear Attention Mechanism, arXiv 2007.14902.
    """

    map_kind = "points"

    def __init__(self, dim: int, query_dim: int | None = None, eps: float = 1e-6) -> None:
        super().__init__()
        require_positive(dim=dim)
        if query_dim is None:
            query_dim = max(dim // 8, 1)
        require_positive(query_dim=query_dim)
        self.eps = eps
        self.query = nn.Linear(dim, query_dim)
        self.key = nn.Linear(dim, query_dim)
        self.value = nn.Linear(dim, dim)

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output without the map; see ``Attention.forward``."""
        query, key, value, total = self._project(x, mask)
        context = key.to(value.dtype).mT @ value  # (B, C/8, C)
        read = value.sum(1, keepdim=True) + query.to(value.dtype) @ context
        return _zero_padding(read / total, mask).to(value.dtype)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map A, (B, 1, N, N); see ``Attention.attend``."""
        query, key, value, total = self._project(x, mask)
        # Rounding can make 1 + q·k slightly negative.
        weights = (1 + at_least_float32(query @ key.mT)).clamp(min=0) / total  # (B, N, N)
        if mask is not None:
            weights = weights.masked_fill(~(mask.unsqueeze(2) & mask.unsqueeze(1)), 0.0)
        return weights.to(value.dtype) @ value, weights.unsqueeze(1)

    def _project(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return q, k, V, and the denominators (B, N, 1); k and V of padding are 0."""
        query, key = (
            F.normalize(at_least_float32(layer(x)), dim=-1) for layer in (self.query, self.key)
        )
        key, value = _zero_padding(key, mask), _zero_padding(self.value(x), mask)
        points = x.shape[1] if mask is None else mask.sum(1)[:, None, None]
        scores = (query * (key.sum(1, keepdim=True) + self.eps)).sum(-1, keepdim=True)
        return query, key, value, (points + scores).clamp(min=self.eps)


def _zero_padding(values: Tensor, mask: Tensor | None) -> Tensor:
    return values if mask is None else values.masked_fill(~mask.unsqueeze(-1), 0.0)
