"""What a camera or a lidar would see of a cloud, found from the points alone."""

import math

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch, sort_keys
from pcea.transforms.affine import times
from pcea.transforms.base import changed, take
from pcea.transforms.drawing import uniform

# The side of a pixel is this many times 1 / √N, about the distance of neighbors in the box.
PIXEL = 4.0
# Points that lie this many pixels behind the nearest point in their own pixel are hidden, and those
# that lie farther behind one in a pixel around it. The numbers allow for surfaces seen at a slant.
BEHIND, FAR_BEHIND = 2.0, 4.0
BAND = math.radians(1)
# Bands that keep fewer points than this are not applied.
FEWEST = 8


def occlusion(severity: int, batch: Batch, generator: Generator) -> Batch:
    """Keep what a camera would see from a distance of 3, 30° to 60° above the horizon.

    Each severity is another fifth of the directions around the cloud, none is harder than another.
    The visible points are repeated until there are N again. Clouds fill a box of side 2.
    """
    high = uniform((len(batch),), math.pi / 6, math.pi / 3, batch.pos, generator)
    visible = _visible(batch.pos, 3.0, _around(severity, batch, generator), high)[0]
    return _repeat(batch, visible, batch.pos.shape[1], generator)


def lidar(severity: int, batch: Batch, generator: Generator) -> Batch:
    """Keep what a lidar would see from a distance of 5, 22.5° above the horizon.

    In each degree below the vertical, the middle half is seen, and all of it at the same angle.
    Three quarters of N points are drawn from that. Severities are directions, as of `occlusion`.
    """
    pos, total = batch.pos, batch.pos.shape[1]
    high = pos.new_full((len(batch),), math.pi / 8)
    visible, sensor = _visible(pos, 5.0, _around(severity, batch, generator), high)
    away = pos - sensor
    reach = away.norm(dim=-1)
    polar = (away[..., 1] / reach).acos()  # from the vertical
    first = polar.masked_fill(~visible, torch.inf).amin(1, keepdim=True)
    band = ((polar - first) / BAND).floor()
    within = (polar - first) / BAND - band
    seen = visible & (within >= 0.25) & (within < 0.75)
    seen = torch.where(seen.sum(1, keepdim=True) < FEWEST, visible, seen)
    angle = first + (band + 0.5) * BAND
    flat = away[..., [0, 2]] / away[..., [0, 2]].norm(dim=-1, keepdim=True).clamp(min=1e-12)
    x, z = (flat * (reach * angle.sin()).unsqueeze(-1)).unbind(-1)
    snapped = torch.stack([x, reach * angle.cos(), z], -1) + sensor
    return _repeat(changed(batch, pos=snapped), seen, round(0.75 * total), generator)


def _around(severity: int, batch: Batch, generator: Generator) -> Tensor:
    """Draw an azimuth of each cloud, (B,), in the fifth of the circle of a severity."""
    middle, half = 2 * math.pi * severity / 5, math.pi / 5
    return uniform((len(batch),), middle - half, middle + half, batch.pos, generator)


def _visible(
    pos: Tensor, distance: float, azimuth: Tensor, elevation: Tensor
) -> tuple[Tensor, Tensor]:
    """Find the points that a depth image shows, (B, N) bool, and the camera's place (B, 1, 3)."""
    flat = elevation.cos()
    toward = torch.stack([flat * azimuth.cos(), elevation.sin(), flat * azimuth.sin()], -1)
    right = torch.stack([-azimuth.sin(), torch.zeros_like(azimuth), azimuth.cos()], -1)
    axes = torch.stack([right, torch.linalg.cross(right, toward), toward], -1)  # (B, 3, 3)
    x, y, near = times(pos, axes).unbind(-1)
    depth = distance - near
    pixel = PIXEL / math.sqrt(pos.shape[1])
    half = math.ceil(distance / pixel)  # pixels from the middle to the edge, 45° away
    column, row = ((each * distance / depth / pixel).floor().long() for each in (x, y))
    width = 2 * half
    place = (row + half).clamp(0, width - 1) * width + (column + half).clamp(0, width - 1)
    image = depth.new_full((len(pos), width * width), torch.inf)
    image.scatter_reduce_(1, place, depth, "amin")
    around = -torch.nn.functional.max_pool2d(-image.view(-1, 1, width, width), 3, 1, 1)
    visible = depth <= image.gather(1, place) + BEHIND * pixel
    visible &= depth <= around.flatten(1).gather(1, place) + FAR_BEHIND * pixel
    return visible, distance * toward.unsqueeze(1)


def _repeat(batch: Batch, kept: Tensor, count: int, generator: Generator) -> Batch:
    """Draw points from those with a true (B, N) bool, each once before any is repeated."""
    key = uniform(tuple(kept.shape), 0, 1, batch.pos, generator)
    order = sort_keys(key.masked_fill(~kept, 2).float())
    slot = torch.arange(count, device=order.device) % kept.sum(1, keepdim=True)
    return take(batch, order.gather(1, slot))
