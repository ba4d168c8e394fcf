"""Random numbers for a batch: drawn where the generator lives, used where the batch does."""

from typing import Any

import torch
from torch import Generator, Tensor

Shape = tuple[int, ...]
Share = float | tuple[float, float]
Count = int | tuple[int, int]


def uniform(shape: Shape, low: float, high: float, like: Tensor, generator: Generator) -> Tensor:
    """Draw real numbers in [low, high), of the type and on the device of ``like``."""
    drawn = torch.rand(shape, generator=generator, device=generator.device, dtype=like.dtype)
    return (low + (high - low) * drawn).to(like.device)


def normal_noise(shape: Shape, like: Tensor, generator: Generator) -> Tensor:
    """Draw standard normal numbers, of the type and on the device of ``like``."""
    drawn = torch.randn(shape, generator=generator, device=generator.device, dtype=like.dtype)
    return drawn.to(like.device)


def whole_numbers(shape: Shape, low: int, high: int, like: Tensor, generator: Generator) -> Tensor:
    """Draw int64 numbers in low … high, both included, on the device of ``like``."""
    drawn = torch.randint(low, high + 1, shape, generator=generator, device=generator.device)
    return drawn.to(like.device)


def bounds(value: Any) -> tuple[Any, Any]:
    """Both ends of a range; a number is its own."""
    return value if isinstance(value, tuple) else (value, value)


def draw_count(value: Count, pos: Tensor, generator: Generator) -> int | Tensor:
    """A number of points as given, or (B, 1) int64, drawn for each cloud out of a range."""
    if isinstance(value, tuple):
        return whole_numbers((len(pos), 1), *value, pos, generator)
    return value


def draw_share(value: Share, pos: Tensor, generator: Generator) -> int | Tensor:
    """A share of N as a number of points, at least 1, or as (B, 1) int64 for each cloud."""
    total = pos.shape[1]
    if isinstance(value, tuple):
        drawn = uniform((len(pos), 1), *value, pos, generator)
        return (drawn * total).round().long().clamp(min=1)
    return max(1, round(value * total))


def draw_order(pos: Tensor, generator: Generator) -> Tensor:
    """(B, N) int64, the points of each cloud in random order."""
    return uniform(tuple(pos.shape[:2]), 0, 1, pos, generator).argsort(dim=1, stable=True)


def draw_height(pos: Tensor, generator: Generator) -> Tensor:
    """(B, N) how far each point lies in a direction that is drawn for each cloud."""
    direction = normal_noise((len(pos), 3, 1), pos, generator)
    return (pos @ torch.nn.functional.normalize(direction, dim=1)).squeeze(-1)


def draw_clusters(points: Count, number: Count, pos: Tensor, generator: Generator) -> Tensor:
    """(B, P) int64: of P points, the largest of ``points``, each one's of ``number`` clusters."""
    drawn = whole_numbers((len(pos), 1), *bounds(number), pos, generator)
    place = uniform((len(pos), bounds(points)[1]), 0, 1, pos, generator)
    return (place * drawn).long().clamp(max=bounds(number)[1] - 1)
