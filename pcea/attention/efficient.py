"""Efficient attention: every point reads from a small context that its cloud fills."""

from torch import Tensor, nn

from pcea.attention.base import (
    Attention,
    at_least_float32,
    masked_softmax,
    register_attention,
    width_of_head,
)


@register_attention("efficient")
class EfficientAttention(Attention):
    """Efficient attention: q (kᵀ V), whose cost is linear in the points.

    In each head of d = C/H channels, q is the softmax of x Wq + b over the channels, and k that of
    x Wk over the points. The slots are the d columns of k: kᵀ V is what each slot collects from the
    cloud, and q has the weights with which a point reads the slots. The map is k, so each of its
    columns sums to 1 over the points. The N × N weights q kᵀ are never computed.

    A bias of the keys would be canceled by the softmax, and one of the values is part of that of
    the last projection. The paper's residual connection is the option ``residual`` of every model.

    Args:
        dim: channels C.
        heads: number of heads H, a divisor of C.

    Raises:
        InputError: a size is not a positive whole number, or the heads do not divide C.

    Source:
        Shen et al., Efficient Attention, arXiv 1812.01243.
    """

    map_kind = "slots"

    def __init__(self, dim: int, heads: int = 4) -> None:
        super().__init__()
        self.head_dim = width_of_head(dim, heads)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.project = nn.Linear(dim, dim)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map k, (B, H, N, d); see ``Attention.attend``."""
        query, key, value = (
            layer(x).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)  # (B, H, N, d)
            for layer in (self.query, self.key, self.value)
        )
        real = None if mask is None else mask[:, None, :, None]
        weights = masked_softmax(at_least_float32(key), real, 2)
        context = weights.to(value.dtype).mT @ value  # (B, H, d, d)
        read = at_least_float32(query).softmax(-1).to(value.dtype) @ context  # (B, H, N, d)
        out: Tensor = self.project(read.transpose(1, 2).flatten(2))  # (B, N, C)
        return out if mask is None else out * mask.unsqueeze(-1), weights
