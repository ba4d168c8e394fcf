"""From coordinates to the features that attention works on."""

from __future__ import annotations

from torch import Tensor, nn

from pcea.models.grouping import Grouping, Tokens
from pcea.models.lbr import LBR


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
