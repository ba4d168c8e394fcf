"""Which part each point of a cloud belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.errors import InputError
from pcea.formats import Cloud
from pcea.geometry import three_interpolate, unit_sphere
from pcea.models.base import PointModel
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.lbr import LBR
from pcea.models.pooling import pool


@dataclass(frozen=True)
class Segmentation:
    """A cloud, split into parts.

    Args:
        part: (N,) int64 global part ids.
        probability: (N,) the model's probability of each point's part, among those that compete.
        category: the category whose parts competed.
    """

    part: Tensor
    probability: Tensor
    category: str


class Segmenter(PointModel):
    """PCT's part segmenter: each point's features beside those of the whole cloud.

    A point's features are the fused ones, interpolated where the embedding kept fewer points,
    and then joined by those of the first embedding; the cloud's are their maximum, their mean and
    its category. Category dropout trains the model to do without the category.

    Args:
        info: the model's name, and the parts it tells apart.
        hidden: channels of the two blocks of the head. Default (512, 256).
        dropout: share of channels zeroed after the first block in training. Default 0.5.
        category_dim: channels that the category's one-hot code becomes. Default 64.
        category_dropout: share of clouds whose category is hidden in training. Default 0.5.
        encoder: options of :class:`pcea.models.encoder.PointTransformer`.

    Source:
        Guo et al., *PCT*, figure 2 and section 4.3.
    """

    task: ClassVar[Literal["classification", "segmentation"]] = "segmentation"

    def __init__(
        self,
        info: ModelInfo,
        hidden: tuple[int, int] = (512, 256),
        dropout: float = 0.5,
        category_dim: int = 64,
        category_dropout: float = 0.5,
        **encoder: Any,
    ) -> None:
        super().__init__(info, PointTransformer(**encoder))
        if not info.taxonomy.parts:
            raise InputError("a segmenter needs a taxonomy with parts")
        self.categories = len(info.taxonomy.categories)
        self.category_dropout = category_dropout
        self.category = LBR(self.categories, category_dim, slope=0.2)
        # Where points were left out on the way, those of the finer levels say what was lost.
        finer = self.encoder.dims[:-1] if self.encoder.coarsens else ()
        self.own = nn.ModuleList(
            nn.Linear(dim, hidden[0], bias=False) for dim in (*finer, self.encoder.fused)
        )
        self.context = LBR(2 * self.encoder.fused + category_dim, hidden[0])
        self.dropout = nn.Dropout(dropout)
        self.second = LBR(hidden[0], hidden[1])
        self.last = nn.Linear(hidden[1], len(info.taxonomy.parts))

    def forward(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Score every part for each point.

        Args:
            pos: (B, N, 3) positions, centred and scaled to the unit sphere.
            normal: (B, N, 3) unit normals, used by a model made for them. Default: unknown.
            category: (B,) int64 category ids. Default: unknown.
            mask: (B, N) bool, true at real points. Default: all are real.

        Returns:
            (B, N, parts) logits.
        """
        *levels, fused = self.encoder(pos, normal, mask)
        context = torch.cat([pool(fused, ("max", "mean")), self._category(pos, category)], dim=-1)
        # The context is the same for all points: its share of the layer is computed once a cloud.
        x = F.linear(context, self.context.linear.weight).unsqueeze(1)  # (B, 1, hidden)
        for linear, level in zip(self.own, [*levels[: len(self.own) - 1], fused], strict=True):
            own = linear(level.x)  # before the interpolation: fewer points, the same function
            if level.pos.shape[1] < pos.shape[1]:
                own = three_interpolate(pos, level.pos, own, level.mask)
            x = x + own  # (B, N, hidden)
        x = self.dropout(self.context.activate(x, mask))
        return self.last(self.second(x, mask))

    def _category(self, pos: Tensor, category: Tensor | None) -> Tensor:
        if category is None:
            code = pos.new_zeros(len(pos), self.categories)
        else:
            code = F.one_hot(category, self.categories).to(pos.dtype)
            if self.training and self.category_dropout > 0:
                kept = torch.rand(len(pos), 1, device=pos.device) >= self.category_dropout
                code = code * kept
        return self.category(code)

    @torch.no_grad()
    def segment(self, cloud: Cloud, category: str | None = None, votes: int = 1) -> Segmentation:
        """Split a cloud into parts.

        Args:
            cloud: N points in any unit, y up.
            category: the category's name, whose parts alone compete. Default: the category to
                whose parts the model gives the highest probability.
            votes: how many samplings of the cloud are averaged. Default 1.

        Returns:
            The part of each of the N points.

        Raises:
            InputError: the model knows no such category.
        """
        taxonomy, was_training = self.info.taxonomy, self.training
        known = None if category is None else taxonomy.category_id(category)
        code = None if known is None else torch.tensor([known], device=self.device)
        query = unit_sphere(cloud.pos)[None].to(self.device)  # (1, N, 3)
        self.eval()
        seen = []
        for seed in range(votes):
            _, sample = self.look_at(cloud, seed)
            logits = self(sample.pos, sample.normal, code)  # (1, num_points, parts)
            seen.append((sample.pos, logits.float().softmax(-1)))
        self.train(was_training)
        if known is None:
            competing = taxonomy.part_mask().to(self.device)  # (categories, parts)
            share = torch.cat([probability[0] for _, probability in seen]).mean(0)  # (parts,)
            known = int((share * competing).sum(-1).argmax())
        own = torch.tensor(taxonomy.parts_of[known], device=self.device)
        # Only what competes is carried over: a large cloud has many points, a category few parts.
        votes_of = [three_interpolate(query, pos, p[..., own])[0] for pos, p in seen]
        total = torch.stack(votes_of).sum(0)  # (N, own parts)
        best = (total / total.sum(-1, keepdim=True).clamp(min=1e-12)).max(-1)
        category = taxonomy.categories[known]
        return Segmentation(own[best.indices].cpu(), best.values.cpu(), category)
