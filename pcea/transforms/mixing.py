"""PointCutMix and RSMix, which mix two clouds, and their labels by the share of points."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch
from pcea.geometry import gather
from pcea.transforms.base import (
    Transform,
    changed,
    choose,
    labels_of,
    number,
    points_of,
    register_transform,
    take,
)
from pcea.transforms.drawing import Share, bounds, draw_order, draw_share, uniform, whole_numbers

# Clouds, the points that may replace theirs one by one, and (B, N) bool, which are replaced.
Pieces = tuple[Batch, Batch, Tensor]


@dataclass(frozen=True)
class Mixing(Transform):
    """A transform that replaces points of each cloud by points of another cloud of the batch."""

    mixes: ClassVar[bool] = True

    probability: float = field(default=0.5, kw_only=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        order = uniform((len(batch),), 0, 1, batch.pos, generator).argsort(stable=True)
        # By chance, a cloud may be its own partner.
        partner = changed(
            batch, **{name: None if x is None else x[order] for name, x in vars(batch).items()}
        )
        own, other, new = self.pieces(batch, partner, generator)  # (B, N, …), …, (B, N)
        share = new.to(batch.pos.dtype).mean(1, keepdim=True)
        width = 1 if batch.mixed_category is None else batch.mixed_category.shape[1]
        mine, theirs = labels_of(batch, width), labels_of(partner, width)
        category = torch.cat([mine["mixed_category"], theirs["mixed_category"]], 1)  # (B, 2K)
        shares = torch.cat([mine["mixed_share"] * (1 - share), theirs["mixed_share"] * share], 1)
        alike = category.unsqueeze(2) == category.unsqueeze(1)  # (B, 2K, 2K)
        main = (alike * shares.unsqueeze(1)).sum(2).argmax(1, keepdim=True)
        others = points_of(other)
        return changed(
            batch,
            category=category.gather(1, main).squeeze(1),
            mixed_category=category,
            mixed_share=shares,
            **{key: choose(new, others[key], x) for key, x in points_of(own).items()},
        )

    @abstractmethod
    def pieces(self, batch: Batch, partner: Batch, generator: Generator) -> Pieces:
        """Order the points of the clouds and their partners, and choose which are replaced."""


@register_transform("pointcutmix-r")
class PointCutMixR(Mixing):
    """Replace random points of each cloud by the matching points of another cloud.

    Source: Zhang et al., *PointCutMix*, Neurocomputing 2022, with β = 1, a uniform share. The
    authors match points by an approximate earth mover's distance, this class by :func:`match`.

    Args:
        share: share of the points that are replaced, or a range that is drawn from for each cloud.
    """

    share: Share = number((0.0, 1.0), 0, 1, pair=True)

    def pieces(self, batch: Batch, partner: Batch, generator: Generator) -> Pieces:
        other = take(partner, match(batch.pos, partner.pos))
        count = draw_share(self.share, batch.pos, generator)
        return batch, other, self.order(batch.pos, generator).argsort(dim=1) < count

    def order(self, pos: Tensor, generator: Generator) -> Tensor:
        """Order the points of each cloud, (B, N) int64; the first ones are replaced."""
        return draw_order(pos, generator)


@register_transform("pointcutmix-k")
class PointCutMixK(PointCutMixR):
    """Replace a random point of each cloud and those nearest to it by matching points of another.

    Its value and its source are those of ``pointcutmix-r``.
    """

    def order(self, pos: Tensor, generator: Generator) -> Tensor:
        center = whole_numbers((len(pos), 1), 0, pos.shape[1] - 1, pos, generator)
        distance = (pos - gather(pos, center)).square().sum(-1)  # (B, N)
        return distance.argsort(dim=1, stable=True)


@register_transform("rsmix")
class RSMix(Mixing):
    """Replace the points in a ball about a random point by those in such a ball of another cloud.

    The new piece is moved so that the centers of the two balls coincide. It gets as many points as
    the piece that it replaces: points are left out, or repeated if there are too few.
    Source: Lee et al., *Regularization Strategy for Point Cloud via Rigidly Mixed Sample*, CVPR
    2021, with β = 1, a uniform radius.

    Args:
        radius: radius of the balls in radii of the unit sphere, or a range to draw from.
        points: the most points in a piece.
    """

    radius: Share = number((0.0, 1.0), 0, pair=True)
    points: int = number(512, 1, whole=True)

    def pieces(self, batch: Batch, partner: Batch, generator: Generator) -> Pieces:
        pos = batch.pos
        radius = uniform((len(pos), 1), *bounds(self.radius), pos, generator)
        order, lost, center = self._ball(pos, radius, generator)
        theirs, found, start = self._ball(partner.pos, radius, generator)
        place = torch.arange(pos.shape[1], device=pos.device)
        piece = take(partner, theirs.gather(1, place % found))
        piece.pos = piece.pos + (center - start)
        return take(batch, order), piece, place < lost

    def _ball(
        self, pos: Tensor, radius: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Give the points (B, N), the ball's first; their number (B, 1); its center (B, 1, 3)."""
        center = gather(pos, whole_numbers((len(pos), 1), 0, pos.shape[1] - 1, pos, generator))
        inside = (pos - center).norm(dim=-1) <= radius  # (B, N), the center at least
        key = uniform(tuple(inside.shape), 0, 1, pos, generator) - inside.to(pos.dtype)
        count = inside.sum(1, keepdim=True).clamp(max=self.points)
        return key.argsort(dim=1, stable=True), count, center


def match(pos: Tensor, other: Tensor) -> Tensor:
    """Match (B, N, 3) points one to one with near ones: (B, N) int64 indices into ``other``."""
    # Both clouds are halved along x, y and z in turn, and halves are matched until each has one
    # point. This is a fast approximation of the matching with the smallest mean distance.
    total = pos.shape[1]
    both = torch.cat([pos, other])
    place = torch.arange(total, device=pos.device)
    sorts = both.argsort(dim=1, stable=True)  # (2B, N, 3)
    ranks = torch.empty_like(sorts).scatter_(1, sorts, place.view(1, -1, 1).expand_as(sorts))
    order = place.expand(len(both), -1)
    for level in range((total - 1).bit_length()):
        half = place * 2**level // total  # the part, of 2^level, of each place
        key = half * total + ranks[..., level % 3].gather(1, order)
        if key.device.type == "cpu":
            key.numpy().sort(axis=1)  # much faster than torch, which sorts indices, too
        else:
            key = key.sort(dim=1).values
        order = sorts[..., level % 3].gather(1, key % total)
    own, theirs = order.chunk(2)
    return torch.empty_like(own).scatter_(1, own, theirs)
