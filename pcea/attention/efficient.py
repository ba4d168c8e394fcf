"""Efficient attention: every point reads from a small context that its cloud fills."""

import torch
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
    columns sums to 1 over the points. Neither V nor the N × N weights q kᵀ are computed:
    kᵀ V = (kᵀ x) Wv.

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
        self.heads, self.head_dim = heads, width_of_head(dim, heads)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.project = nn.Linear(dim, dim)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map k, (B, H, N, d); see ``Attention.attend``."""
        heads = self.heads, self.head_dim
        real = None if mask is None else mask.unsqueeze(-1)
        key = masked_softmax(at_least_float32(self.key(x)), real, 1)  # (B, N, C)
        query = at_least_float32(self.query(x)).unflatten(-1, heads).softmax(-1)  # (B, N, H, d)
        collected = (key.to(x.dtype).mT @ x).unflatten(1, heads)  # (B, H, d, C)
        context = collected @ self.value.weight.unflatten(0, heads).mT  # (B, H, d, d)
        context = context @ self.project.weight.T.unflatten(0, heads)  # (B, H, d, C)
        out = torch.baddbmm(
            self.project.bias, query.flatten(2).to(x.dtype), context.flatten(1, 2)
        )  # (B, N, C)
        if real is not None:
            out = out * real
        return out, key.unflatten(-1, heads).transpose(1, 2)
