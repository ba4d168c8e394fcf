"""From coordinates to the features that attention works on: PCT's point and neighbor embedding."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.errors import InputError, require
from pcea.geometry import farthest_point_sample, gather, knn
from pcea.models.edges import edge_linear_max, edge_max, edge_moments
from pcea.models.lbr import LBR


def require_sizes(**options: Any) -> None:
    """Raise an InputError if an option, given by its name, is not a size or a list of sizes."""
    lists = {"dims": Sequence[int], "hidden": Sequence[int], "num": Sequence[int | None]}
    for name, value in options.items():
        least = 0 if name in ("stem", "outer", "depth") else 1
        require(f"model option {name}", value, lists.get(name, int), least)
        if name == "hidden" and len(value) != 2:
            raise InputError(f"model option hidden is {value!r}; it must be two whole numbers")


class Tokens(NamedTuple):
    """Points and their features."""

    pos: Tensor  # (B, M, 3)
    x: Tensor  # (B, M, C)
    mask: Tensor | None  # (B, M) bool, true at real points

    def pool(self, *kinds: str) -> Tensor:
        """Pool the features of real points by ``max`` and ``mean``: (B, C · len(kinds))."""
        _, x, mask = self
        pooled = []
        for kind in kinds:
            if kind == "max":
                real = x if mask is None else x.masked_fill(~mask.unsqueeze(-1), -torch.inf)
                # amax is several times as fast, but its gradient would go to all equal maxima.
                pooled.append(real.max(1).values if torch.is_grad_enabled() else real.amax(1))
            elif kind == "mean" and mask is None:
                pooled.append(x.mean(1))
            elif kind == "mean":
                assert mask is not None
                count = mask.sum(1, keepdim=True).clamp(min=1)
                pooled.append((x * mask.unsqueeze(-1)).sum(1) / count)
            else:
                raise ValueError(f"unknown pooling {kind!r}: max or mean")
        return torch.cat(pooled, dim=-1)

    def with_complements(self) -> "Tokens":
        """Give the batch three times, the second time with 0 as the features: (3B, M, …)."""
        pos, x, mask = self
        features = torch.cat([x, torch.zeros_like(x), x])
        return Tokens(pos.repeat(3, 1, 1), features, None if mask is None else mask.repeat(3, 1))


class Grouping(nn.Module):
    """Sample ``num`` centers (None: all points) and max-pool the features of their k neighbors.

    The features [x_j − x_i, x_i] of a neighbor pass ``inner`` LBR blocks, and their maximum over
    the neighbors ``outer`` more. The first linear layer is applied before the gather,
    W·[x_j − x_i; x_i] = Wa·x_j + (Wb − Wa)·x_i: the same function for 1/k of the computation. On a
    CPU the features of all neighbors are never held at once, see :mod:`pcea.models.edges`. Source:
    Guo et al., *PCT*, section 3.3, equations 10 and 11.
    """

    def __init__(
        self, in_dim: int, out_dim: int, k: int, num: int | None, inner: int = 2, outer: int = 0
    ) -> None:
        super().__init__()
        self.k, self.num = k, num
        self.first = LBR(2 * in_dim, out_dim)
        self.inner = nn.ModuleList(LBR(out_dim, out_dim) for _ in range(inner - 1))
        self.outer = nn.ModuleList(LBR(out_dim, out_dim) for _ in range(outer))

    def forward(self, tokens: Tokens) -> Tokens:
        """Group (B, N) points into (B, num) centers; fewer points than ``num`` are all kept."""
        pos, x, mask = tokens
        center, center_x, center_mask = pos, x, mask
        if self.num is not None and self.num < pos.shape[1]:
            index = farthest_point_sample(pos, self.num, mask)  # (B, M)
            center, center_x = gather(pos, index), gather(x, index)
            if mask is not None:
                order = torch.arange(self.num, device=pos.device)
                center_mask = order < mask.sum(1, keepdim=True)
        neighbors = knn(center, pos, min(self.k, pos.shape[1]), mask)  # (B, M, k)

        if mask is None and x.device.type == "cpu" and len(self.inner) < 2:
            pooled = self._pool_tiles(x, center_x, neighbors)
        else:
            pooled = self._pool(x, center_x, neighbors, center_mask)  # (B, M, C)
        for block in self.outer:
            pooled = block(pooled, center_mask)
        return Tokens(center, pooled, center_mask)

    def _pool(self, x: Tensor, center_x: Tensor, neighbors: Tensor, mask: Tensor | None) -> Tensor:
        """Pool in the plain form, which holds all edges at once."""
        near, own = self._ends(x, center_x)
        edges = gather(near, neighbors) + own.unsqueeze(2)  # (B, M, k, C)
        if mask is not None:
            mask = mask[..., None].expand_as(neighbors)
        edges = self.first.activate(edges, mask)
        for block in self.inner:
            edges = block(edges, mask)
        return edges.max(2).values

    def _pool_tiles(self, x: Tensor, center_x: Tensor, neighbors: Tensor) -> Tensor:
        """Pool tile by tile: the same function, without holding all edges."""
        first, count = self.first, neighbors.numel()
        last = self.inner[0] if self.inner else first
        assert isinstance(last, LBR)
        # A negative weight of BatchNorm makes the maximum a minimum: the features change sign.
        sign = torch.where(last.norm.weight.detach() < 0, -1.0, 1.0).to(x.dtype)  # (C,)
        near, own = self._ends(x, center_x, None if self.inner else sign)
        half = (
            torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
        )
        wanted = last.norm.training or torch.is_grad_enabled()
        with torch.autocast("cpu", enabled=False):
            if self.inner:
                moments = edge_moments(near, own, neighbors) if first.norm.training else None
                scale, shift = first.affine(moments, count)
                near, own = near * scale, torch.addcmul(shift, own, scale)
                weight = last.linear.weight * sign.unsqueeze(1)
                best, mean, variance = edge_linear_max(near, own, neighbors, weight, wanted, half)
            else:
                best, mean, variance = edge_max(near, own, neighbors, wanted)
            scale, shift = last.affine((mean * sign, variance), count)
            return F.relu(torch.addcmul(shift, best, scale * sign))

    def _ends(
        self, x: Tensor, center_x: Tensor, sign: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The terms of the edges, (B, N, C) and (B, M, C): an edge is near_j + own_i."""
        weight = self.first.linear.weight
        if sign is not None:
            weight = weight * sign.unsqueeze(1)
        near, own = weight.chunk(2, dim=1)
        near, own = F.linear(x, near), F.linear(center_x, own - near)
        # Only large matrix products are worth computing in half precision.
        return (near.float(), own.float()) if near.dtype == torch.bfloat16 else (near, own)


class Embedding(nn.Module):
    """Point embedding, followed by neighbor embedding where there are stages.

    Args:
        in_dim: input channels: 3, or 6 with normals.
        dims: channels after the two point-wise LBR blocks and after each grouping stage.
        num: the number of centers of each stage, None for all points.
        k: neighbors of a center.
        inner, outer: LBR blocks of a stage before and after its maximum.

    Source:
        Guo et al., *PCT*, figure 4; without stages it is the embedding of "simple PCT".
    """

    def __init__(
        self,
        in_dim: int,
        dims: tuple[int, ...],
        num: tuple[int | None, ...],
        k: int = 32,
        inner: int = 2,
        outer: int = 0,
    ) -> None:
        super().__init__()
        if len(dims) != len(num) + 1:
            raise InputError(
                f"model option dims is {dims!r}, and num is {num!r}: {len(num)} stages need "
                f"{len(num) + 1} widths, not {len(dims)}"
            )
        self.point = nn.ModuleList([LBR(in_dim, dims[0]), LBR(dims[0], dims[0])])
        self.stages = nn.ModuleList(
            Grouping(dims[i], dims[i + 1], k, num[i], inner, outer) for i in range(len(num))
        )

    def forward(self, pos: Tensor, x: Tensor, mask: Tensor | None) -> list[Tokens]:
        """Embed positions (B, N, 3) and features (B, N, in_dim).

        It returns the tokens of every level, from all N points to the centers of the last stage.
        """
        for block in self.point:
            x = block(x, mask)
        levels = [Tokens(pos, x, mask)]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        return levels
