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
    never negative. It is the product of (1, q) and (1, k). ``forward`` computes Σ_m (1, k_m) V_mᵀ
    first, whose cost is linear in the points; ``attend`` computes the map.

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
        """Compute the output without the map and without V; see ``Attention.forward``."""
        query, key, total = self._project(x, mask)
        context = F.linear(key.to(x.dtype).mT @ x, self.value.weight)  # (B, 1 + C/8, C)
        context = context + key.sum(1).unsqueeze(-1) * self.value.bias
        out = (query.to(x.dtype) @ context.to(x.dtype) / total).to(x.dtype)
        return out if mask is None else out * mask.unsqueeze(-1)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map A, (B, 1, N, N); see ``Attention.attend``."""
        query, key, total = self._project(x, mask)
        # Rounding can make 1 + q·k slightly negative.
        weights = at_least_float32(query @ key.mT).clamp(min=0) / total  # (B, N, N)
        if mask is not None:
            weights = weights * mask.unsqueeze(-1)
        return weights.to(x.dtype) @ self.value(x), weights.unsqueeze(1)

    def _project(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return (1, q) and (1, k), (B, N, 1 + C/8), and the denominators (B, N, 1).

        The keys of padding are 0, also in the first channel.
        """
        query, key = (
            F.pad(F.normalize(at_least_float32(layer(x)), dim=-1), (1, 0), value=1.0)
            for layer in (self.query, self.key)
        )
        if mask is not None:
            key = key * mask.unsqueeze(-1)
        total = (query * key.sum(1, keepdim=True)).sum(-1, keepdim=True)
        total = total + self.eps * query[..., 1:].sum(-1, keepdim=True)
        return query, key, total.clamp(min=self.eps)
