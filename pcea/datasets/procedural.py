"""The built-in procedural shapes as a data set that needs no files."""

from __future__ import annotations

from pathlib import Path

from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import Layout, register_dataset
from pcea.datasets.shapes import CATEGORIES, PARTS, PARTS_OF, sample_shapes
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError

_NUM_PER_CATEGORY = {"train": 64, "val": 16, "test": 16}


@register_dataset("shapes")
class Shapes(Layout):
    """The built-in shapes; see :func:`procedural_shapes` for the options."""

    options = ("num_per_category", "num_points", "seed")

    def read(self, folder: Path, split: str, **options: int) -> tuple[Clouds, Taxonomy]:
        """Make a split; no folder is read."""
        return procedural_shapes(split, **options)


def procedural_shapes(
    split: str,
    num_per_category: int | None = None,
    num_points: int = 1024,
    seed: int = 0,
) -> tuple[Clouds, Taxonomy]:
    """Make a split of shapes, the same at every call, in the unit sphere.

    Args:
        split: train, val, trainval (the two together) or test; no shape is in two of them.
        num_per_category: shapes of each category. Default: 64 for train, 16 for val and test.
        num_points: points on each shape.
        seed: at least 0; another seed gives other shapes.

    Raises:
        InputError: a number is out of range.
    """
    if seed < 0:
        raise InputError(f"shapes: seed is {seed}; it must be at least 0")
    made = []
    for part in ("train", "val") if split == "trainval" else (split,):
        num = _NUM_PER_CATEGORY[part] if num_per_category is None else num_per_category
        # Each split of each seed has a seed of its own.
        own_seed = len(_NUM_PER_CATEGORY) * seed + list(_NUM_PER_CATEGORY).index(part)
        pos, normal, label, category = sample_shapes(num, num_points, own_seed)
        names = [f"{CATEGORIES[c]}/{part}{i % num}" for i, c in enumerate(category.tolist())]
        made.append(Clouds.from_dense(pos, category, normal, label, names))
    return Clouds.cat(made), Taxonomy(CATEGORIES, PARTS, PARTS_OF)
