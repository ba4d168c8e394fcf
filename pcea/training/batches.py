"""Make the batches of training: choose clouds, draw their points and transform them.

All random numbers of a step depend only on the seed and the number of the step, so a resumed run
repeats them without a saved state of a random generator.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch, Clouds
from pcea.recipes import Recipe
from pcea.transforms import Transform


def epoch_order(category: Tensor, recipe: Recipe, epoch: int) -> Tensor:
    """Shuffle a split into whole batches: (steps, batch_size) int64 indices into it, on the CPU.

    A remainder is left out in this epoch. With ``recipe.balance`` β, a cloud of a category of n
    clouds is drawn n^-β times as often; the length of the epoch does not change.
    """
    count = len(category)
    size = min(recipe.batch_size, count)
    generator = Generator().manual_seed(mix_seed(recipe.seed, epoch, stream=1))
    order = torch.randperm(count, generator=generator)
    if recipe.balance > 0:
        category = category.cpu()[order]
        weight = category.bincount().double()[category] ** -recipe.balance
        # Systematic sampling: a cloud of expected count w is drawn ⌊w⌋ or ⌈w⌉ times.
        reached = (weight / weight.sum() * count).cumsum(0)
        marks = torch.arange(count) + torch.rand(1, generator=generator).double()
        order = order[torch.searchsorted(reached, marks).clamp(max=count - 1)]
        order = order[torch.randperm(count, generator=generator)]
    return order[: count // size * size].view(-1, size)


def seed_step(seed: int, step: int, rank: int = 0, device: torch.device | str = "cpu") -> Generator:
    """Seed torch (for dropout), and return a seeded generator on a device (for the batch).

    Each process, by its rank, and each kind of device draws other numbers.
    """
    torch.manual_seed(mix_seed(seed, step, stream=2 * rank + 2))
    return Generator(device).manual_seed(mix_seed(seed, step, stream=2 * rank + 3))


def mix_seed(seed: int, count: int, stream: int) -> int:
    """Mix three numbers into a 63-bit seed, by the finalizer of SplitMix64."""
    z = (seed * 0x9E3779B97F4A7C15 + count * 0xD1B54A32D192ED03 + stream) % (1 << 64)
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % (1 << 64)
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % (1 << 64)
    return (z ^ (z >> 31)) >> 1


def training_batch(
    clouds: Clouds,
    index: Tensor,
    num_points: int,
    transforms: Sequence[Transform],
    generator: Generator,
) -> Batch:
    """Draw points of the clouds ``index`` (B,) and transform them, on the clouds' device."""
    batch = clouds.batch(index.to(clouds.pos.device), num_points, generator)
    for transform in transforms:
        batch = transform(batch, generator)
    return batch
