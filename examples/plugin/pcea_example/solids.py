"""Balls and boxes: a procedural data set, which needs no files."""

from pathlib import Path

import torch

from pcea.datasets import Clouds, Layout, Taxonomy, register_dataset
from pcea.geometry import unit_sphere

COUNTS = {"train": 64, "val": 32, "test": 32}


@register_dataset("solids")
class Solids(Layout):
    """Points on balls and on cubes, each stretched along its axes by random factors."""

    def read(self, folder: Path, split: str) -> tuple[Clouds, Taxonomy]:
        """Make a split, which is the same at every call."""
        return _make(split), Taxonomy(("ball", "box"))


def _make(split: str) -> Clouds:
    count = COUNTS[split]
    generator = torch.Generator().manual_seed(list(COUNTS).index(split))
    pos = torch.randn(count, 256, 3, generator=generator)
    category = torch.arange(count) % 2
    # Divided by its length, a point lies on the ball; by its largest coordinate, on the cube.
    size = torch.where(category[:, None] == 0, pos.norm(dim=2), pos.abs().amax(2))
    pos = pos / size.unsqueeze(2)
    pos = pos * (0.5 + torch.rand(count, 1, 3, generator=generator))
    names = [f"{split}{number}" for number in range(count)]
    return Clouds.from_dense(unit_sphere(pos), category, names=names)
