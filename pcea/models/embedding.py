"""From coordinates to the features that attention works on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from pcea.geometry import farthest_point_sample, gather, knn
from pcea.models.lbr import LBR


class Tokens(NamedTuple):
    """The points that attention sees, with their features."""

    pos: Tensor  # (B, M, 3)
    x: Tensor  # (B, M, C)
    mask: Tensor | None  # (B, M) bool, true at real points


class Grouping(nn.Module):
    """Sample and group: gather each center's neighbors and keep their strongest features.

    The neighbors' features [x_j − x_i, x_i] pass ``inner`` LBR blocks, the maximum over the
    neighbors passes ``outer`` more. The first linear layer is applied before the gather,
    W·[x_j − x_i; x_i] = Wa·x_j + (Wb − Wa)·x_i, which is the same function for a k-th of the work.

    Args:
        in_dim: channels of a point.
        out_dim: channels of a center.
        k: neighbors of a center, itself included.
        num: how many centers farthest point sampling keeps, or None for all points.
        inner: LBR blocks before the maximum. Default 2, as PCT has it.
        outer: LBR blocks after the maximum. Default 0.

    Source:
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

        near, own = self.first.linear.weight.chunk(2, dim=1)
        grouped = gather(nn.functional.linear(x, near), neighbors)  # (B, M, k, C)
        grouped = grouped + nn.functional.linear(center_x, own - near).unsqueeze(2)
        grouped_mask = None if center_mask is None else center_mask[..., None].expand_as(neighbors)
        grouped = self.first.activate(grouped, grouped_mask)
        for block in self.inner:
            grouped = block(grouped, grouped_mask)
        pooled = grouped.max(2).values  # (B, M, C)
        for block in self.outer:
            pooled = block(pooled, center_mask)
        return Tokens(center, pooled, center_mask)


class Embedding(nn.Module):
    """Point embedding, followed by neighbor embedding where stages are asked for.

    Args:
        in_dim: input channels: 3, or 6 with normals.
        dims: channels after the two point-wise LBR blocks and after each grouping stage.
        num: centers of each stage, None for all points; as many as stages.
        k: neighbors of a center. Default 32.
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
            raise ValueError(f"{len(num)} stages need {len(num) + 1} widths, not {len(dims)}")
        self.point = nn.ModuleList([LBR(in_dim, dims[0]), LBR(dims[0], dims[0])])
        self.stages = nn.ModuleList(
            Grouping(dims[i], dims[i + 1], k, num[i], inner, outer) for i in range(len(num))
        )

    def forward(self, pos: Tensor, x: Tensor, mask: Tensor | None) -> list[Tokens]:
        """Embed a batch.

        Args:
            pos: (B, N, 3) positions.
            x: (B, N, in_dim) input features.
            mask: (B, N) bool, true at real points, or None.

        Returns:
            The tokens of every level, from all N points to the last stage's centers.
        """
        for block in self.point:
            x = block(x, mask)
        levels = [Tokens(pos, x, mask)]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        return levels
