"""Leave points out: at random, in patches, or on one side."""

import math

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch, sort_keys
from pcea.errors import InputError
from pcea.geometry import gather
from pcea.transforms.base import Transform, keep, number, register_transform, take
from pcea.transforms.drawing import (
    Count,
    Share,
    bounds,
    draw_clusters,
    draw_count,
    draw_height,
    draw_share,
    uniform,
)


@register_transform("resample")
class Resample(Transform):
    """Keep some points, drawn at random.

    Args:
        share: share of the points to keep, or a range that is drawn from for each cloud.
        points: the number of points to keep, instead of a share; above N, points are repeated.
        density: how many times as likely a point is kept at one end of the cloud as at the other
            end, in a random direction. At 1, all points are equally likely.
        same: whether a range is drawn from only once for all clouds of a batch. N then changes, as
            with one number.
    """

    share: Share = number((0.25, 1.0), 0, 1, pair=True)
    points: Count = number(0, 0, whole=True, pair=True)
    density: float = number(1.0, 1)
    same: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.same and self.probability < 1:
            raise InputError("resample: with same, the probability must be 1")

    @property
    def varies(self) -> bool:
        """Whether one number is drawn from a range for each batch."""
        return self.same and isinstance(self.points or self.share, tuple)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        pos = batch.pos
        drawn_for = pos[:1] if self.same else pos
        given = draw_count(self.points, drawn_for, generator)
        count = given if self.points else draw_share(self.share, drawn_for, generator)
        if self.same and isinstance(count, Tensor):
            count = int(count)
        # Sorted exponential times are a weighted draw without replacement.
        time = -uniform(tuple(pos.shape[:2]), 0, 1, pos, generator).log()
        if self.density > 1:
            height = draw_height(pos, generator)  # (B, N)
            low, high = height.aminmax(dim=1, keepdim=True)
            place = (height - low) / (high - low).clamp(min=1e-9)  # 0 … 1
            time = time * (-math.log(self.density) * place).exp()
        return keep(batch, time.argsort(dim=1, stable=True), count)


@register_transform("drop-points")
class DropPoints(Transform):
    """Replace a random share of each cloud's points by its first point ("random input dropout").

    A dropped point also gets the normal and the part of the first point, since its own would be
    wrong at that position. Source: the published training code of PointNet++ and PCT, which has
    neither normals nor parts.

    Args:
        share: the largest share; that of each cloud is uniform between 0 and this.
    """

    share: float = number(0.875, 0, 1)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        pos = batch.pos
        share = uniform((len(pos), 1), 0.0, self.share, pos, generator)
        dropped = uniform(tuple(pos.shape[:2]), 0.0, 1.0, pos, generator) <= share  # (B, N)
        return take(batch, torch.where(dropped, 0, torch.arange(pos.shape[1], device=pos.device)))


@register_transform("drop-patch")
class DropPatch(Transform):
    """Leave out patches one after the other: a random remaining point and those nearest to it.

    The points to leave out are shared out among the patches at random. Source: ModelNet-C's
    ``dropout_local``.

    Args:
        points: how many points are left out in all, or a range that is drawn from for each cloud.
        patches: the number of patches, or a range.
    """

    points: Count = number((100, 500), 0, whole=True, pair=True)
    patches: Count = number((1, 7), 1, whole=True, pair=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        pos, total = batch.pos, batch.pos.shape[1]
        lost = draw_count(self.points, pos, generator)
        # At least one point stays.
        lost = min(lost, total - 1) if isinstance(lost, int) else lost.clamp(max=total - 1)
        patch = draw_clusters(self.points, self.patches, pos, generator)  # (B, P)
        real = torch.arange(patch.shape[1], device=pos.device) < lost
        sizes = patch.new_zeros(len(pos), bounds(self.patches)[1])
        sizes.scatter_add_(1, patch, real.expand_as(patch).long())
        left = torch.ones(pos.shape[:2], dtype=torch.bool, device=pos.device)
        for size in sizes.split(1, dim=1):  # (B, 1)
            left &= patch_rank(pos, left, generator) >= size
        return keep(batch, (~left).long().argsort(dim=1, stable=True), total - lost)


def patch_rank(pos: Tensor, left: Tensor, generator: Generator) -> Tensor:
    """Rank points by their distance from a random one of those that are left, which has rank 0.

    For positions (B, N, 3) and (B, N) bool, true at points that are left, the ranks are (B, N)
    int64. The other points come last.
    """
    key = uniform(tuple(left.shape), 0, 1, pos, generator)
    center = key.masked_fill(~left, -1).argmax(1, keepdim=True)
    distance = (pos - gather(pos, center)).square().sum(-1).masked_fill(~left, torch.inf)
    order = sort_keys(distance.float())
    place = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, place)


@register_transform("one-side")
class OneSide(Transform):
    """Keep the points that lie farthest in a random direction, as a scan from one side does.

    Args:
        share: share of the points to keep, or a range that is drawn from for each cloud.
    """

    share: Share = number((0.4, 0.75), 0, 1, pair=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        count = draw_share(self.share, batch.pos, generator)
        order = draw_height(batch.pos, generator).argsort(dim=1, descending=True, stable=True)
        return keep(batch, order, count)
