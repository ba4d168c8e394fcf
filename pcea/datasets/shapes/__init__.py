"""Procedural objects with named parts: the data set ``shapes``, which needs no files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import Layout, register_dataset
from pcea.datasets.shapes import furniture, household, movers
from pcea.datasets.shapes.solids import Parts, Solid
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.geometry.normalize import unit_sphere
from pcea.geometry.surface import sample_surface

# What builds an object of each category, and the parts it may have.
BUILDERS: dict[str, tuple[Callable[[Generator], Parts], str]] = {
    "airplane": (movers.airplane, "fuselage wing tail engine"),
    "animal": (movers.animal, "torso head leg tail"),
    "bench": (furniture.bench, "seat leg back arm"),
    "bottle": (household.bottle, "body neck cap"),
    "car": (movers.car, "body cabin wheel"),
    "chair": (furniture.chair, "seat back leg arm"),
    "desk": (furniture.desk, "top leg drawer panel"),
    "guitar": (household.guitar, "body neck head"),
    "lamp": (household.lamp, "base pole shade"),
    "mug": (household.mug, "body handle"),
    "person": (movers.person, "torso head arm leg"),
    "plant": (household.plant, "pot stem leaf"),
    "rocket": (movers.rocket, "body nose fin engine booster"),
    "stool": (furniture.stool, "seat leg"),
    "table": (furniture.table, "top leg shelf"),
    "vase": (household.vase, "body neck handle"),
}
PARTS = tuple(f"{name}/{part}" for name in BUILDERS for part in BUILDERS[name][1].split())
TAXONOMY = Taxonomy(
    tuple(BUILDERS),
    PARTS,
    tuple(tuple(i for i, p in enumerate(PARTS) if p.split("/")[0] == n) for n in BUILDERS),
)
NUM_PER_CATEGORY = {"train": 64, "val": 16, "test": 16}


@register_dataset("shapes")
class Shapes(Layout):
    """Closed solids of random measures with named parts, sampled evenly by area."""

    def read(
        self,
        folder: Path,
        split: str,
        num_per_category: int | None = None,
        num_points: int = 1024,
        seed: int = 0,
    ) -> tuple[Clouds, Taxonomy]:
        """Make a split; no folder is read.

        A shape depends on the seed, its split, its category and its number alone.

        Args:
            folder: any.
            split: train, val, trainval (the two together) or test; no shape is in two of them.
            num_per_category: shapes of each category. Default: 64 for train, 16 for val and test.
            num_points: points on each shape.
            seed: at least 0; another seed gives other shapes.

        Raises:
            InputError: a number is out of range.
        """
        for value, low, option in (
            (num_per_category, 1, "num_per_category"),
            (num_points, 1, "num_points"),
            (seed, 0, "seed"),
        ):
            if value is not None and value < low:
                raise InputError(f"shapes: {option} is {value}; it must be at least {low}")
        pos, normal, label, category, names = [], [], [], [], []
        for part in ("train", "val") if split == "trainval" else (split,):
            # Each split of each seed has a seed of its own.
            own_seed = len(NUM_PER_CATEGORY) * seed + list(NUM_PER_CATEGORY).index(part)
            for number, name in enumerate(BUILDERS):
                for index in range(num_per_category or NUM_PER_CATEGORY[part]):
                    mesh = build(name, own_seed, index)
                    generator = torch.Generator().manual_seed(mesh.seed)
                    points = sample_surface(mesh.vertices, mesh.faces, num_points, generator)
                    pos.append(points[0])
                    normal.append(points[1])
                    label.append(mesh.part[points[2]])
                    category.append(number)
                    names.append(f"{name}/{part}{index}")
        stacked = unit_sphere(torch.stack(pos)), torch.tensor(category), torch.stack(normal)
        return Clouds.from_dense(*stacked, torch.stack(label), names), TAXONOMY


@dataclass(frozen=True)
class PartMesh:
    """A mesh whose faces know their part.

    Args:
        vertices: (V, 3) float32, y up, facing +z, as in ModelNet40 and glTF.
        faces: (F, 3) int64, counter-clockwise seen from outside.
        part: (F,) int64, part ids of `TAXONOMY`.
        seed: of what else is drawn for this object, such as points of its surface.
    """

    vertices: Tensor
    faces: Tensor
    part: Tensor
    seed: int


def build(category: str, seed: int, index: int = 0) -> PartMesh:
    """Make one object; the same arguments always make the same one.

    It is assembled from closed solids that may overlap, each tilted a little, and the whole is
    stretched a little along each axis. Its size is arbitrary.

    Args:
        category: a category of `TAXONOMY`.
        seed: the seed of a family of objects.
        index: which object of that family.
    """
    rng = np.random.default_rng([seed, TAXONOMY.category_id(category), index])
    own_seed = int(rng.integers(2**62))
    solids: list[Solid] = []
    part: list[int] = []
    for name, some in BUILDERS[category][0](rng):
        for solid in (some,) if isinstance(some, Solid) else some:
            center = (solid.vertices.min(0) + solid.vertices.max(0)) / 2
            pitch, roll = rng.normal(0, 1.2, 2)
            solids.append(solid.move(*-center).turn("z", roll).turn("x", pitch).move(*center))
            part += [PARTS.index(f"{category}/{name}")] * len(solid.faces)
    offsets = np.cumsum([0, *(len(solid.vertices) for solid in solids[:-1])])
    faces = [solid.faces + offset for solid, offset in zip(solids, offsets, strict=True)]
    # The builders look along -z; half a turn about y makes that +z.
    stretch = np.exp(rng.normal(0, 0.08, 3)) * (-1, 1, -1)
    vertices = np.concatenate([solid.vertices for solid in solids]) * stretch
    return PartMesh(
        torch.from_numpy(vertices.astype(np.float32)),
        torch.from_numpy(np.concatenate(faces)),
        torch.tensor(part),
        own_seed,
    )
