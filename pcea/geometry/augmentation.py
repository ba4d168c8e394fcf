"""Random changes to a batch of clouds that leave what they show the same.

Each takes the generator it draws from; the tensors may live on any device.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor


def _uniform(
    shape: tuple[int, ...], low: float, high: float, like: Tensor, gen: Generator
) -> Tensor:
    drawn = torch.rand(shape, generator=gen, device=gen.device, dtype=like.dtype)
    return (low + (high - low) * drawn).to(like.device)


def scale(
    pos: Tensor, normal: Tensor | None, low: float, high: float, generator: Generator
) -> tuple[Tensor, Tensor | None]:
    """Stretch each cloud along each axis by its own random factor.

    Args:
        pos: (B, N, 3) positions.
        normal: (B, N, 3) unit normals, which turn as the stretched surface does, or None.
        low: lower bound of the factors.
        high: upper bound of the factors.
        generator: what to draw from.

    Returns:
        The stretched positions, and the normals at unit length; a zero normal stays zero.
    """
    factor = _uniform((pos.shape[0], 1, 3), low, high, pos, generator)
    if normal is not None:
        normal = torch.nn.functional.normalize(normal / factor, dim=-1)
    return pos * factor, normal


def translate(pos: Tensor, reach: float, generator: Generator) -> Tensor:
    """Move each cloud by a random vector of [-reach, reach]³.

    Args:
        pos: (B, N, 3) positions.
        reach: the longest move along an axis, in the unit of ``pos``.
        generator: what to draw from.

    Returns:
        (B, N, 3) moved positions.
    """
    return pos + _uniform((pos.shape[0], 1, 3), -reach, reach, pos, generator)


def jitter(pos: Tensor, sigma: float, generator: Generator, clip: float = 3.0) -> Tensor:
    """Add normal noise to every coordinate.

    Args:
        pos: (B, N, 3) positions.
        sigma: standard deviation of the noise, in the unit of ``pos``.
        generator: what to draw from.
        clip: noise is cut at this many deviations. Default 3.

    Returns:
        (B, N, 3) noisy positions.
    """
    noise = torch.randn(pos.shape, generator=generator, device=generator.device, dtype=pos.dtype)
    return pos + sigma * noise.clamp_(-clip, clip).to(pos.device)


def rotate_up(
    pos: Tensor, normal: Tensor | None, degrees: float, generator: Generator
) -> tuple[Tensor, Tensor | None]:
    """Turn each cloud about the upright y axis by a random angle.

    Args:
        pos: (B, N, 3) positions, y up.
        normal: (B, N, 3) normals, turned alike, or None.
        degrees: the largest turn to either side.
        generator: what to draw from.

    Returns:
        The turned positions and normals.
    """
    angle = _uniform((pos.shape[0],), -1.0, 1.0, pos, generator) * math.radians(degrees)
    cos, sin, zero, one = angle.cos(), angle.sin(), angle * 0, angle * 0 + 1
    turn = torch.stack([cos, zero, -sin, zero, one, zero, sin, zero, cos], -1).view(-1, 3, 3)
    return pos @ turn, None if normal is None else normal @ turn


def drop_points(
    pos: Tensor,
    normal: Tensor | None,
    part: Tensor | None,
    largest_share: float,
    generator: Generator,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Make a random share of each cloud's points its first point ("random input dropout").

    A dropped point is the first point in all: one that kept its own normal or label would say of
    the first point's place what holds elsewhere.

    Args:
        pos: (B, N, 3) positions.
        normal: (B, N, 3) normals, or None.
        part: (B, N) labels, or None.
        largest_share: each cloud's share is uniform in 0..this.
        generator: what to draw from.

    Returns:
        Positions, normals and labels; N stays.

    Source:
        PointNet++'s and PCT's published training code, which has neither normals nor labels.
    """
    batch, total = pos.shape[:2]
    share = _uniform((batch, 1), 0.0, largest_share, pos, generator)
    dropped = _uniform((batch, total), 0.0, 1.0, pos, generator) <= share
    spread = dropped.unsqueeze(-1)  # (B, N, 1)
    return (
        torch.where(spread, pos[:, :1], pos),
        None if normal is None else torch.where(spread, normal[:, :1], normal),
        None if part is None else torch.where(dropped, part[:, :1], part),
    )
