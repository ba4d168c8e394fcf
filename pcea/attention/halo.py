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

# The windows of so many points are in memory at once.
_POINTS_AT_ONCE = 1 << 16


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
        self.scale = self.head_dim**-0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.relative = nn.Linear(4, dim, bias=False)
        self.project = nn.Linear(dim, dim)

    def forward(self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute the output part by part of the curve; see ``Attention.forward``."""
        order, *sorted_points = self._sort(pos, mask)
        step = max(_POINTS_AT_ONCE // len(x) // self.block, 1) * self.block
        parts = []
        for first in range(0, sorted_points[0].shape[1] - 2 * self.halo, step):
            part = slice(first, first + step + 2 * self.halo)
            parts.append(self._read(x, *(each[:, part] for each in sorted_points)))
        return self._restore(torch.cat(parts, 1), order, mask)

    def attend(
        self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the output and the map, (B, H, N, N); see ``Attention.attend``."""
        order, points, places, real = self._sort(pos, mask)
        keys, query, key, value = self._windows(x, points, places, real)
        scores = at_least_float32(query @ key.mT) * self.scale  # (B, L, H, b, w)
        weights = masked_softmax(scores, keys, -1)
        out = self._restore(self._merge(weights.to(value.dtype) @ value), order, mask)
        # Put the weights of each window into the columns of its points. What is outside of the
        # cloud has weight 0, which is added to the column of point 0.
        column = self._cut(points)[:, :, None, None].expand_as(weights)
        rows = weights.new_zeros(*weights.shape[:-1], x.shape[1]).scatter_add(-1, column, weights)
        rows = rows.permute(0, 1, 3, 2, 4).flatten(1, 2)  # (B, L·b, H, N)
        found = self._restore(rows.flatten(2), order, mask).unflatten(-1, (self.heads, -1))
        return out, found.transpose(1, 2)

    def _sort(
        self, pos: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the order (B, N), and along it with all halos the indices, pos and a mask.

        In the latter three, (B, L·b + 2h, …), point 0 stands for what is outside of the cloud.
        """
        if pos is None:
            raise InputError("halo attention needs the coordinates of the points, pos")
        order = hilbert_order(pos.roll(self.turn, -1), mask)
        real = torch.ones_like(order, dtype=torch.bool) if mask is None else mask.gather(1, order)
        outside = self.halo, self.halo + -order.shape[1] % self.block
        points = F.pad(order, outside)
        return order, points, gather(pos, points), F.pad(real, outside)

    def _windows(self, x: Tensor, points: Tensor, pos: Tensor, real: Tensor) -> tuple[Tensor, ...]:
        """Return the L windows of w = b + 2h points along a part of the order.

        They are which points are real (B, L, 1, 1, w), queries (B, L, H, b, D), and keys and values
        (B, L, H, w, D). D is d + 4, rounded up to a multiple of 8 with channels of 0: the fused
        kernels want one width for all, and such a multiple on a GPU. The product of query and key
        is the score: g·(Δ, ‖Δ‖²) with g = Rᵀ q is written as such a product, without the terms that
        depend on p_n alone, which the softmax cancels.
        """
        more = 4 + -(self.head_dim + 4) % 8  # D - d
        weight = F.pad(self.qkv.weight.unflatten(0, (3, self.heads, -1)), (0, 0, 0, more))
        qkv = F.linear(gather(x, points), weight.flatten(0, 2)).unflatten(-1, weight.shape[:3])
        query, key, value = (self._cut(each).mT for each in qkv.unbind(2))  # (B, L, H, w, D)
        query = query[..., self.halo : self.halo + self.block, :]

        near = self._cut(at_least_float32(pos)).mT.unsqueeze(2)  # (B, L, 1, w, 3)
        # Centered, so that squares lose no digits in clouds far from the origin.
        near = near - near[..., self.halo, None, :]
        own = near[..., self.halo : self.halo + self.block, :]
        g = query[..., : self.head_dim] @ self.relative.weight.unflatten(0, (self.heads, -1))
        of_query = torch.cat([g[..., :3] - 2 * g[..., 3:] * own, g[..., 3:]], -1)
        of_key = torch.cat([near, near.square().sum(-1, keepdim=True)], -1)
        query, key = (
            each + F.pad(term, (self.head_dim, more - 4)).to(each.dtype)
            for each, term in ((query, of_query), (key, of_key))
        )
        return self._cut(real)[:, :, None, None], query, key, value

    def _cut(self, values: Tensor) -> Tensor:
        """Cut (B, L·b + 2h, …) into overlapping windows, (B, L, …, w)."""
        return values.unfold(1, self.block + 2 * self.halo, self.block)

    def _read(self, x: Tensor, points: Tensor, pos: Tensor, real: Tensor) -> Tensor:
        """Compute the output along a part of the order by ``scaled_dot_product_attention``."""
        keys, *windows = self._windows(x, points, pos, real)
        # A window without real points may read all of it: a softmax over no keys would be NaN.
        keys = (keys | ~keys.any(-1, keepdim=True)).flatten(0, 1)  # (B·L, 1, 1, w)
        query, key, value = (each.flatten(0, 1) for each in windows)
        read = F.scaled_dot_product_attention(query, key, value, keys, scale=self.scale)
        return self._merge(read.unflatten(0, (len(x), -1)))

    def _merge(self, read: Tensor) -> Tensor:
        """Project what the heads read, (B, L, H, b, D): (B, L·b, C)."""
        out: Tensor = self.project(
            read[..., : self.head_dim].transpose(2, 3).flatten(3).flatten(1, 2)
        )
        return out

    def _restore(self, rows: Tensor, order: Tensor, mask: Tensor | None) -> Tensor:
        """Return rows (B, L·b, …) along the curve in the order of the input, (B, N, …)."""
        out = gather(rows, order.argsort(1))
        return out if mask is None else out * mask.unsqueeze(-1)
