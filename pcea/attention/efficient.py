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

# Larger clouds are processed in blocks of so many points.
_BLOCK = 4096


@register_attention("efficient")
class EfficientAttention(Attention):
    """Efficient attention: q (kᵀ V), whose cost is linear in the points.

    In each head of d = C/H channels, q is the softmax of x Wq + b over the channels, and k that of
    x Wk over the points. The slots are the d columns of k: kᵀ V is what each slot collects from the
    cloud, and q has the weights with which a point reads the slots. The map is k, so each of its
    columns sums to 1 over the points. Neither V nor the N × N weights q kᵀ are computed:
    kᵀ V = (kᵀ x) Wv. ``forward`` processes large clouds in blocks of points.

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

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output, of large clouds without the whole map; see ``Attention.forward``."""
        if x.shape[1] <= _BLOCK:
            return super().forward(x, pos, mask)
        real = None if mask is None else mask.unsqueeze(-1)
        blocks = x.split(_BLOCK, 1)
        masks = [None] * len(blocks) if real is None else real.split(_BLOCK, 1)
        sums = self._sums(blocks[0], masks[0])
        for more in zip(blocks[1:], masks[1:], strict=True):
            sums = _merge(sums, self._sums(*more))
        _, total, collected = sums
        # The largest score adds 1, so only the total of a cloud without real points is less.
        collected = collected / total.clamp(min=1).mT  # kᵀ x, (B, C, C)
        context = self._context(collected.to(x.dtype))
        out = torch.cat([self._read(block, context) for block in blocks], 1)
        return out if real is None else out * real

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map k, (B, H, N, d); see ``Attention.attend``."""
        real = None if mask is None else mask.unsqueeze(-1)
        key = masked_softmax(at_least_float32(self.key(x)), real, 1)  # (B, N, C)
        out = self._read(x, self._context(key.to(x.dtype).mT @ x))
        if real is not None:
            out = out * real
        return out, key.unflatten(-1, (self.heads, self.head_dim)).transpose(1, 2)

    def _sums(self, x: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Sum e = exp(x Wk - m) over points, with the largest score m of each channel.

        Returns m and the sum of e, (B, 1, C), and eᵀ x, (B, C, C).
        """
        scores = at_least_float32(self.key(x))
        if real is not None:
            scores = scores.masked_fill(~real, torch.finfo(scores.dtype).min)
        largest = scores.detach().amax(1, keepdim=True)
        weights = (scores - largest).exp()
        if real is not None:
            weights = weights * real
        return largest, weights.sum(1, keepdim=True), at_least_float32(weights.to(x.dtype).mT @ x)

    def _context(self, collected: Tensor) -> Tensor:
        """Project what the slots have collected, kᵀ x, by Wv and Wo, (B, C, C)."""
        heads = self.heads, self.head_dim
        context = collected.unflatten(1, heads) @ self.value.weight.unflatten(0, heads).mT
        context = context @ self.project.weight.T.unflatten(0, heads)  # (B, H, d, C)
        return context.flatten(1, 2)

    def _read(self, x: Tensor, context: Tensor) -> Tensor:
        """Let points read the slots, (B, N, C)."""
        query = at_least_float32(self.query(x)).unflatten(-1, (self.heads, self.head_dim))
        query = query.softmax(-1).flatten(2).to(x.dtype)
        return torch.baddbmm(self.project.bias, query, context)


def _merge(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Add the sums over two sets of points, each relative to its own largest scores."""
    largest = torch.maximum(one[0], other[0])
    factors = [(each[0] - largest).exp() for each in (one, other)]  # (B, 1, C)
    total = one[1] * factors[0] + other[1] * factors[1]
    return largest, total, one[2] * factors[0].mT + other[2] * factors[1].mT
