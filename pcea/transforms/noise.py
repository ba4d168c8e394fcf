"""Noise on the coordinates, and points that belong to no surface."""

from math import inf

import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from pcea.datasets.clouds import Batch
from pcea.geometry import gather, knn
from pcea.transforms.base import Transform, add_points, changed, number, register_transform, take
from pcea.transforms.drawing import (
    Count,
    Share,
    bounds,
    draw_clusters,
    draw_count,
    draw_order,
    normal_noise,
    uniform,
)


@register_transform("jitter")
class Jitter(Transform):
    """Add normal noise to every coordinate; normals stay.

    Args:
        std: standard deviation of the noise, in radii of the unit sphere.
        clip: the noise is clipped at this many standard deviations; ``inf``: no clipping.
    """

    std: float = number(0.01, 0)
    clip: float = number(3.0, 0, inf)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        noise = normal_noise(tuple(batch.pos.shape), batch.pos, generator)
        return changed(batch, pos=batch.pos + self.std * noise.clamp_(-self.clip, self.clip))


@register_transform("stray-points")
class StrayPoints(Transform):
    """Add points that belong to no surface: anywhere in a ball, or in clusters near the shape.

    Without clusters, the points are uniform in the unit ball about the origin and get the part of
    the nearest point. With clusters, they get the part of the center of their cluster, a random
    point of the cloud, and positions outside the ball are divided by their squared norm. Normals
    are zero, which means unknown. Source: ModelNet-C's ``add_global`` and ``add_local``.

    Args:
        points: how many points are added, or a range; then they replace other points.
        clusters: the number of clusters, or a range. Default: none.
        std: standard deviation of a cluster in radii of the unit sphere, or a range.
    """

    points: Count = number((1, 100), 0, whole=True, pair=True)
    clusters: Count = number(0, 0, whole=True, pair=True)
    std: Share = number((0.075, 0.125), 0, pair=True)

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        total = batch.pos.shape[1]
        count = draw_count(self.points, batch.pos, generator)
        make = self._in_clusters if self.clusters else self._anywhere
        strays, source = make(batch.pos, generator)  # (B, P, 3), (B, P)
        both = add_points(batch, source, strays)
        if isinstance(count, int):
            return both
        place = draw_order(batch.pos, generator)  # (B, N): the stray that could replace each point
        own = torch.arange(total, device=place.device)
        stray = total + place.clamp(max=strays.shape[1] - 1)
        return take(both, torch.where(place < count, stray, own))

    def _anywhere(self, pos: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        shape = (len(pos), bounds(self.points)[1])
        direction = normal_noise((*shape, 3), pos, generator)
        distance = uniform((*shape, 1), 0, 1, pos, generator) ** (1 / 3)
        strays = normalize(direction, dim=-1) * distance
        return strays, knn(strays, pos, 1).squeeze(-1)

    def _in_clusters(self, pos: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        cluster = draw_clusters(self.points, self.clusters, pos, generator)  # (B, P)
        shape = (len(pos), bounds(self.clusters)[1])
        std = uniform(shape, *bounds(self.std), pos, generator)
        order = draw_order(pos, generator)
        center = order.gather(1, cluster % order.shape[1])  # (B, P)
        noise = normal_noise((*cluster.shape, 3), pos, generator)
        strays = gather(pos, center) + std.gather(1, cluster).unsqueeze(-1) * noise
        return strays / strays.square().sum(-1, keepdim=True).clamp(min=1), center
