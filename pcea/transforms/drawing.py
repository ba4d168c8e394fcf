"""Draw random numbers on the generator's device, and move them to the device of the batch.

The first dimension of a shape is the clouds.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import sort_keys
from pcea.errors import InputError

Shape = tuple[int, ...]
Share = float | tuple[float, float]
Count = int | tuple[int, int]


class GeneratorPerCloud(Generator):
    """A generator for each cloud of a batch, so that no other cloud changes a cloud's numbers.

    Only the functions of this file draw from it. It counts as a generator, so that transforms take
    it like any other, but it has no numbers of its own.
    """

    of_clouds: Sequence[Generator]

    def __new__(cls, of_clouds: Sequence[Generator]) -> "GeneratorPerCloud":
        self = super().__new__(cls)
        self.of_clouds = of_clouds
        return self


def _draw(
    kind: Callable[..., Tensor], shape: Shape, like: Tensor, generator: Generator, **options: Any
) -> Tensor:
    if isinstance(generator, GeneratorPerCloud):
        if shape[:1] != (len(generator.of_clouds),):
            raise InputError(
                f"{len(generator.of_clouds)} clouds that are changed together need random numbers "
                f"whose first dimension is the clouds, not {tuple(shape)}"
            )
        one = (1, *shape[1:])
        return torch.cat([_draw(kind, one, like, each, **options) for each in generator.of_clouds])
    drawn = kind(size=shape, generator=generator, device=generator.device, **options)
    return drawn.to(like.device)


def uniform(shape: Shape, low: float, high: float, like: Tensor, generator: Generator) -> Tensor:
    """Draw real numbers in [low, high), of the type and on the device of ``like``."""
    return low + (high - low) * _draw(torch.rand, shape, like, generator, dtype=like.dtype)


def normal_noise(shape: Shape, like: Tensor, generator: Generator) -> Tensor:
    """Draw standard normal numbers, of the type and on the device of ``like``."""
    return _draw(torch.randn, shape, like, generator, dtype=like.dtype)


def whole_numbers(shape: Shape, low: int, high: int, like: Tensor, generator: Generator) -> Tensor:
    """Draw int64 numbers from low to high, both included, on the device of ``like``."""
    return _draw(torch.randint, shape, like, generator, low=low, high=high + 1)


def bounds(value: Any) -> tuple[Any, Any]:
    """Give both ends of a range; a single number is both."""
    return value if isinstance(value, tuple) else (value, value)


def draw_count(value: Count, pos: Tensor, generator: Generator) -> int | Tensor:
    """Give a number of points unchanged, or draw one per cloud from a range, (B, 1) int64."""
    if isinstance(value, tuple):
        return whole_numbers((len(pos), 1), *value, pos, generator)
    return value


def draw_share(value: Share, pos: Tensor, generator: Generator) -> int | Tensor:
    """Turn a share of N into a number of points, at least 1; of a range, (B, 1) int64."""
    total = pos.shape[1]
    if isinstance(value, tuple):
        drawn = uniform((len(pos), 1), *value, pos, generator)
        return (drawn * total).round().long().clamp(min=1)
    return max(1, round(value * total))


def draw_order(pos: Tensor, generator: Generator) -> Tensor:
    """Draw a random order of the points of each cloud, (B, N) int64."""
    return sort_keys(uniform(tuple(pos.shape[:2]), 0, 1, pos, generator).float())


def draw_height(pos: Tensor, generator: Generator) -> Tensor:
    """Compute the height of each point, (B, N), in a random direction for each cloud."""
    direction = normal_noise((len(pos), 3, 1), pos, generator)
    return (pos @ torch.nn.functional.normalize(direction, dim=1)).squeeze(-1)


def draw_clusters(points: Count, number: Count, pos: Tensor, generator: Generator) -> Tensor:
    """Assign each of P points, the most that ``points`` allows, to a cluster: (B, P) int64."""
    drawn = whole_numbers((len(pos), 1), *bounds(number), pos, generator)
    place = uniform((len(pos), bounds(points)[1]), 0, 1, pos, generator)
    return (place * drawn).long().clamp(max=bounds(number)[1] - 1)
