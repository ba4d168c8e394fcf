"""Points left out: at random, onto one point, in patches, or on one side."""

import math

import torch
from torch import Generator

from pcea.datasets.clouds import Batch
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
        share: of the points to keep; a range is drawn from for each cloud.
        points: how many to keep, instead of a share; more than N repeats points.
        density: how many times as likely a point is kept on one side of the cloud as on the other,
            along a random direction. At 1, all are alike.
    """

    share: Share = number((0.25, 1.0), 0, 1, pair=True)
    points: Count = number(0, 0, whole=True, pair=True)
    density: float = number(1.0, 1)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        pos = batch.pos
        given = draw_count(self.points, pos, generator)
        count = given if self.points else draw_share(self.share, pos, generator)
        # Exponential times come in the order of drawing without replacement, likely ones first.
        time = -uniform(tuple(pos.shape[:2]), 0, 1, pos, generator).log()
        if self.density > 1:
            height = draw_height(pos, generator)  # (B, N)
            low, high = height.aminmax(dim=1, keepdim=True)
            place = (height - low) / (high - low).clamp(min=1e-9)  # 0 … 1
            time = time * (-math.log(self.density) * place).exp()
        return keep(batch, time.argsort(dim=1, stable=True), count)


@register_transform("drop-points")
class DropPoints(Transform):
    """Make a random share of each cloud's points its first point ("random input dropout").

    A dropped point is the first point in all: one that kept its own normal or label would say of
    the first point's place what holds elsewhere. Source: PointNet++'s and PCT's published training
    code, which has neither normals nor labels.

    Args:
        share: each cloud's share is uniform in 0 … this.
    """

    share: float = number(0.875, 0, 1)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        pos = batch.pos
        share = uniform((len(pos), 1), 0.0, self.share, pos, generator)
        dropped = uniform(tuple(pos.shape[:2]), 0.0, 1.0, pos, generator) <= share  # (B, N)
        return take(batch, torch.where(dropped, 0, torch.arange(pos.shape[1], device=pos.device)))


@register_transform("drop-patch")
class DropPatch(Transform):
    """Leave out patches: a random remaining point and those nearest to it, patch by patch.

    Each of the points to leave out belongs to a random one of the patches. Source: ModelNet-C's
    ``dropout_local``.

    Args:
        points: how many are left out in all; a range is drawn from for each cloud.
        patches: how many patches, a number or a range.
    """

    points: Count = number((100, 500), 0, whole=True, pair=True)
    patches: Count = number((1, 7), 1, whole=True, pair=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        pos, total = batch.pos, batch.pos.shape[1]
        lost = draw_count(self.points, pos, generator)
        # One point at least stays.
        lost = min(lost, total - 1) if isinstance(lost, int) else lost.clamp(max=total - 1)
        patch = draw_clusters(self.points, self.patches, pos, generator)  # (B, P)
        real = torch.arange(patch.shape[1], device=pos.device) < lost
        sizes = patch.new_zeros(len(pos), bounds(self.patches)[1])
        sizes.scatter_add_(1, patch, real.expand_as(patch).long())
        left = torch.ones(pos.shape[:2], dtype=torch.bool, device=pos.device)
        place = torch.arange(total, device=pos.device).expand_as(left)
        for size in sizes.split(1, dim=1):  # (B, 1)
            key = uniform(tuple(left.shape), 0, 1, pos, generator)
            center = key.masked_fill(~left, -1).argmax(1, keepdim=True)
            distance = (pos - gather(pos, center)).square().sum(-1)  # (B, N)
            order = distance.masked_fill(~left, torch.inf).argsort(dim=1, stable=True)
            left &= torch.empty_like(order).scatter_(1, order, place) >= size
        return keep(batch, (~left).long().argsort(dim=1, stable=True), total - lost)


@register_transform("one-side")
class OneSide(Transform):
    """Keep the points that lie farthest in a random direction, as a scan from one side does.

    Args:
        share: of the points to keep; a range is drawn from for each cloud.
    """

    share: Share = number((0.4, 0.75), 0, 1, pair=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        count = draw_share(self.share, batch.pos, generator)
        order = draw_height(batch.pos, generator).argsort(dim=1, descending=True, stable=True)
        return keep(batch, order, count)
