"""Halo attention: points in blocks along a curve, which read their block and a halo around it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.attention.base import (
    Attention,
    at_least_float32,
    masked_softmax,
    register_attention,
    require_positive,
    width_of_head,
)
from pcea.errors import InputError, require
from pcea.geometry import gather, hilbert_order


@register_attention("halo")
class HaloAttention(Attention):
    """Halo attention: self-attention in windows of a Hilbert curve, with relative positions.

    The points are sorted along the curve and cut into blocks. Each point reads the points of its
    block and of the halo before and after it. With Δ = p_m − p_n, the score of a head is
    q_n·(k_m + R (Δ, ‖Δ‖²)) / √d, where R is learned. The cost is linear in the points.

    Args:
        dim: channels C.
        heads: number of heads H, a divisor of C; each has d = C/H channels.
        block: points of a block.
        halo: points of the halo on each side.
        turn: 0, 1 or 2: by how many axes the curve is turned. Layers with different curves have
            their block borders in different places.

    Raises:
        InputError: a size or turn is out of range, the heads do not divide C, or pos is missing.

    Source:
        Vaswani et al., Scaling Local Self-Attention, arXiv 2103.12731.
    """

    map_kind = "points"

    def __init__(
        self, dim: int, heads: int = 4, block: int = 64, halo: int = 32, turn: int = 0
    ) -> None:
        super().__init__()
        self.heads, self.head_dim = heads, width_of_head(dim, heads)
        require_positive(block=block)
        require("attention: halo", halo, int, 0)
        require("attention: turn", turn, int, 0, 2)
        self.block, self.halo, self.turn = block, halo, turn
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.relative = nn.Linear(4, dim, bias=False)
        self.project = nn.Linear(dim, dim)

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output by ``scaled_dot_product_attention``; see ``Attention.forward``."""
        order, real, query, key, value = self._windows(x, pos, mask)
        # A window without real points may read all of it: a softmax over no keys would be NaN.
        keys = (real | ~real.any(-1, keepdim=True)).flatten(0, 1)  # (B·L, 1, 1, w)
        query, key, value = (each.flatten(0, 1) for each in (query, key, value))
        read = F.scaled_dot_product_attention(query, key, value, attn_mask=keys, scale=1.0)
        return self._merge(read.unflatten(0, (len(x), -1)), order, mask)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map, (B, H, N, N); see ``Attention.attend``."""
        order, real, query, key, value = self._windows(x, pos, mask)
        weights = masked_softmax(at_least_float32(query @ key.mT), real, -1)  # (B, L, H, b, w)
        out = self._merge(weights.to(value.dtype) @ value, order, mask)
        # Put the weights of each window into the columns of its points, and what is outside of the
        # cloud into one more column.
        total = x.shape[1]
        column = self._cut(order.unsqueeze(-1), self.halo, total).unsqueeze(2)  # (B, L, 1, 1, w)
        rows = weights.new_zeros(*weights.shape[:-1], total + 1)
        rows = rows.scatter(-1, column.expand_as(weights), weights)[..., :total]
        rows = rows.transpose(1, 2).flatten(2, 3)  # (B, H, L·b, N), sorted
        place = order.argsort(1)[:, None, :, None].expand(-1, self.heads, -1, total)
        found = rows.gather(2, place)
        return out, found if mask is None else found.masked_fill(~mask[:, None, :, None], 0.0)

    def _windows(self, x: Tensor, pos: Tensor | None, mask: Tensor | None) -> tuple[Tensor, ...]:
        """Return the order and the L windows of w = b + 2h points along it.

        They are the order (B, N), which points of each window are real (B, L, 1, 1, w), queries
        (B, L, H, b, D), keys and values (B, L, H, w, D). D is d + 4, rounded up to a multiple of 8
        with channels of 0: the fused kernels want one width for all, and such a multiple on a GPU.
        The product of query and key is the score: g·(Δ, ‖Δ‖²) with g = Rᵀ q is written as such a
        product, without the terms that depend on p_n alone, which the softmax cancels.
        """
        if pos is None:
            raise InputError("halo attention needs the coordinates of the points, pos")
        order = hilbert_order(pos.roll(self.turn, -1), mask)
        real = torch.ones_like(order, dtype=torch.bool) if mask is None else mask.gather(1, order)
        query, key, value = self.qkv(gather(x, order)).chunk(3, -1)
        query = self._split(query * self.head_dim**-0.5, 0)
        key, value = self._split(key, self.halo), self._split(value, self.halo)
        pos = self._cut(at_least_float32(gather(pos, order)), self.halo)  # (B, L, 3, w)
        # Centered, so that squares lose no digits in clouds far from the origin.
        near = (pos - pos[..., self.halo, None]).mT.unsqueeze(2)  # (B, L, 1, w, 3)
        own = near[..., self.halo : self.halo + self.block, :]
        fill = 0, -(self.head_dim + 4) % 8
        g = query @ self.relative.weight.unflatten(0, (self.heads, -1))  # (B, L, H, b, 4)
        query = torch.cat([query, g[..., :3] - 2 * g[..., 3:] * own, g[..., 3:]], -1)
        query = F.pad(query, fill).to(value.dtype)
        near = F.pad(torch.cat([near, near.square().sum(-1, keepdim=True)], -1), fill)
        near = near.expand(-1, -1, self.heads, -1, -1).to(value.dtype)
        key, value = torch.cat([key, near], -1), F.pad(value, (0, near.shape[-1]))
        return order, self._cut(real.unsqueeze(-1), self.halo).unsqueeze(2), query, key, value

    def _cut(self, values: Tensor, halo: int, fill: int = 0) -> Tensor:
        """Cut (B, N, C) into L blocks with a halo on both sides: (B, L, C, b + 2 halo)."""
        rest = -values.shape[1] % self.block
        padded = F.pad(values, (0, 0, halo, halo + rest), value=fill)
        return padded.unfold(1, self.block + 2 * halo, self.block)

    def _split(self, values: Tensor, halo: int) -> Tensor:
        """Cut (B, N, C) into windows and heads, (B, L, H, b + 2 halo, d)."""
        return self._cut(values, halo).unflatten(2, (self.heads, -1)).mT

    def _merge(self, read: Tensor, order: Tensor, mask: Tensor | None) -> Tensor:
        """Project what the heads read, (B, L, H, b, D), in the order of the input: (B, N, C)."""
        rows = read[..., : self.head_dim].transpose(2, 3).flatten(3).flatten(1, 2)  # (B, L·b, C)
        out: Tensor = self.project(gather(rows, order.argsort(1)))
        return out if mask is None else out * mask.unsqueeze(-1)
