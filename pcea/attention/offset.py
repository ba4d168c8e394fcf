"""The attention inside PCT's offset attention."""

from torch import Tensor, nn

from pcea.attention.base import (
    Attention,
    at_least_float32,
    masked_softmax,
    register_attention,
    require_positive,
)


@register_attention("offset")
class OffsetAttention(Attention):
    """PCT's attention: softmax over the keys, then unit sum over the queries.

    E = Q Qᵀ (query and key share one projection, nothing is scaled), A = softmax of E over its
    last axis, then A_ij / (ε + Σ_i A_ij), and, as the authors' code has it, out_j = Σ_i A_ij v_i.
    So point j reads from column j of A, and the map is Aᵀ: its rows sum to 1.

    The output is A·V alone. The offset x + LBR(x − A·V), which gives the layer its name, is the
    option ``residual`` of every model, and works with every attention.

    Args:
        dim: channels C.
        query_dim: channels of query and key; None: C/4.
        eps: keeps the second normalization finite.

    Raises:
        InputError: a size is not a positive whole number.

    Source:
        Guo et al., PCT: Point Cloud Transformer, arXiv 2012.09688, section 3.3.
    """

    map_kind = "points"

    def __init__(self, dim: int, query_dim: int | None = None, eps: float = 1e-9) -> None:
        super().__init__()
        require_positive(dim=dim)
        if query_dim is None:
            query_dim = max(dim // 4, 1)
        require_positive(query_dim=query_dim)
        self.eps = eps
        self.query = nn.Linear(dim, query_dim, bias=False)
        self.value = nn.Linear(dim, dim)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map Aᵀ, (B, 1, N, N); see ``Attention.attend``."""
        query, value = self.query(x), self.value(x)
        energy = at_least_float32(query @ query.mT)  # (B, N, N)
        real = None if mask is None else mask.unsqueeze(2) & mask.unsqueeze(1)  # (B, N, N)
        weights = masked_softmax(energy, real, -1)
        # Not a division, whose gradient takes more passes over the map.
        weights = weights * (weights.sum(1, keepdim=True) + self.eps).reciprocal()
        weights = weights.mT  # (B, N, N): row j has the weights with which point j reads
        return weights.to(value.dtype) @ value, weights.unsqueeze(1)
