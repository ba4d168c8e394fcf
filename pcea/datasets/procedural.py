"""The built-in procedural shapes as a data set that needs no files."""

from __future__ import annotations

from pcea.datasets.clouds import Clouds
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.geometry.normalize import unit_sphere

SPLITS = ("train", "val", "trainval", "test")
_NUM_PER_CATEGORY = {"train": 64, "val": 16, "test": 16}


def procedural_shapes(
    split: str,
    num_per_category: int | None = None,
    num_points: int = 1024,
    seed: int = 0,
) -> tuple[Clouds, Taxonomy]:
    """Make a split of shapes, the same at every call.

    Args:
        split: train, val, trainval (the two together) or test; no shape is in two of them.
        num_per_category: shapes of each category. Default: 64 for train, 16 for val and test.
        num_points: points on each shape.
        seed: another seed gives other shapes.

    Raises:
        InputError: a number is not positive.
    """
    from pcea.datasets import shapes

    for label, value in (("num_per_category", num_per_category), ("num_points", num_points)):
        if value is not None and value < 1:
            raise InputError(f"shapes: {label} is {value}; it must be at least 1")
    if seed < 0:
        raise InputError(f"shapes: seed is {seed}; it must not be negative")
    made = []
    for part in ("train", "val") if split == "trainval" else (split,):
        num = num_per_category or _NUM_PER_CATEGORY[part]
        own_seed = 3 * seed + list(_NUM_PER_CATEGORY).index(part)
        pos, normal, label, category = shapes.sample_shapes(num, num_points, own_seed)
        names = [f"{shapes.CATEGORIES[c]}/{part}{i}" for i, c in enumerate(category.tolist())]
        made.append(Clouds.from_dense(unit_sphere(pos), category, normal, label, names))
    taxonomy = Taxonomy(tuple(shapes.CATEGORIES), tuple(shapes.PARTS), _parts_of(shapes.PARTS_OF))
    return Clouds.cat(made), taxonomy


def _parts_of(rows: object) -> tuple[tuple[int, ...], ...]:
    values = rows.values() if isinstance(rows, dict) else rows
    return tuple(tuple(row) for row in values)  # type: ignore[union-attr, attr-defined]
