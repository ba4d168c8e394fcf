"""The data sets ``shapes`` and ``gear``: procedural objects with named parts, without files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from pcea.datasets.clouds import Clouds
from pcea.datasets.layout import Layout, register_dataset
from pcea.datasets.shapes import gear, indoors, movers
from pcea.datasets.shapes.solids import Array, Parts, Solid
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import checked
from pcea.geometry.normalize import unit_sphere
from pcea.geometry.surface import sample_surface

# For each category, the function that builds an object, and the names of its possible parts. A new
# category comes last in GEAR, because a category's place is part of the seed of its objects.
Builders: TypeAlias = dict[str, tuple[Callable[[Generator], Parts], str]]
SHAPES: Builders = {
    "airplane": (movers.airplane, "fuselage wing tail engine"),
    "animal": (movers.animal, "torso head leg tail"),
    "bench": (indoors.bench, "seat leg back arm"),
    "bottle": (indoors.bottle, "body neck cap"),
    "car": (movers.car, "body cabin wheel"),
    "chair": (indoors.chair, "seat back leg arm"),
    "desk": (indoors.desk, "top leg drawer panel"),
    "guitar": (indoors.guitar, "body neck head"),
    "lamp": (indoors.lamp, "base pole shade"),
    "mug": (indoors.mug, "body handle"),
    "person": (movers.person, "torso head arm leg"),
    "plant": (indoors.plant, "pot stem leaf"),
    "rocket": (movers.rocket, "body nose fin engine booster"),
    "stool": (indoors.stool, "seat leg"),
    "table": (indoors.table, "top leg shelf"),
    "vase": (indoors.vase, "body neck handle"),
}
GEAR: Builders = {
    "bag": (gear.bag, "body handle"),
    "cap": (gear.cap, "crown peak"),
    "earphone": (gear.earphone, "headband cup wire"),
    "knife": (gear.knife, "blade handle"),
    "laptop": (gear.laptop, "keyboard screen"),
    "motorbike": (gear.motorbike, "body wheel tank seat handlebar light"),
    "pistol": (gear.pistol, "barrel handle trigger"),
    "skateboard": (gear.skateboard, "deck truck wheel"),
    "glasses": (gear.glasses, "lens bridge frame"),
}


def _taxonomy(builders: Builders) -> Taxonomy:
    names = sorted(builders)
    parts = [f"{name}/{part}" for name in names for part in builders[name][1].split()]
    return Taxonomy(tuple(names), tuple(parts))


TAXONOMY, GEAR_TAXONOMY = _taxonomy(SHAPES), _taxonomy(GEAR)
NUM_PER_CATEGORY = {"train": 64, "val": 16, "test": 16}


@register_dataset("shapes")
class Shapes(Layout):
    """Objects made of closed solids of random sizes, sampled evenly by area."""

    taxonomy = TAXONOMY

    @checked(num_per_category=1, num_points=1, seed=0)
    def read(
        self,
        folder: Path,
        split: str,
        num_per_category: int | None = None,
        num_points: int = 1024,
        seed: int = 0,
    ) -> tuple[Clouds, Taxonomy]:
        """Make a split, without reading any files.

        A shape depends only on the seed, the split, its category and its number.

        Args:
            folder: ignored.
            split: train, val or test; they share no shapes.
            num_per_category: shapes of each category. Default: 64 for train, 16 for val and test.
            num_points: points on each shape.
            seed: at least 0; another seed gives other shapes.

        Raises:
            InputError: a number is out of range.
        """
        num = num_per_category or NUM_PER_CATEGORY[split]
        # Each pair of a seed and a split has a different seed.
        split_seed = len(NUM_PER_CATEGORY) * seed + list(NUM_PER_CATEGORY).index(split)
        categories = self.taxonomy.categories
        objects = [(name, i) for name in categories for i in range(num)]
        points = [_sample(build(name, split_seed, i), num_points) for name, i in objects]
        pos, normal, part = (torch.stack(each) for each in zip(*points, strict=True))
        category = torch.arange(len(categories)).repeat_interleave(num)
        names = [f"{name}/{split}{i}" for name, i in objects]
        return Clouds.from_dense(unit_sphere(pos), category, normal, part, names), self.taxonomy


@register_dataset("gear")
class Gear(Shapes):
    """Objects to wear, carry or ride, made as those of ``shapes``."""

    taxonomy = GEAR_TAXONOMY


@dataclass(frozen=True)
class PartMesh:
    """A mesh with a part for each face: y up, front to +z, as in ModelNet40 and glTF."""

    vertices: Tensor  # (V, 3) float32
    faces: Tensor  # (F, 3) int64, counter-clockwise seen from outside
    part: Tensor  # (F,) int64, part ids in the taxonomy of its data set
    seed: int  # of the points that are sampled on this object


def build(category: str, seed: int, index: int = 0) -> PartMesh:
    """Make one object; the same arguments always make the same one.

    It is assembled from closed solids that may overlap. Each solid is tilted a little, and the
    whole object is stretched a little along each axis. Its size is arbitrary.
    """
    own = GEAR_TAXONOMY if category in GEAR else TAXONOMY
    category, builders = own.categories[own.category_id(category)], {**SHAPES, **GEAR}
    rng = np.random.default_rng([seed, list(builders).index(category), index])
    own_seed = int(rng.integers(2**62))
    several: list[Array] = []
    faces: list[NDArray[np.int64]] = []
    parts: list[int] = []
    for name, solids in builders[category][0](rng):
        for solid in (solids,) if isinstance(solids, Solid) else solids:
            center = (solid.vertices.min(0) + solid.vertices.max(0)) / 2
            pitch, roll = rng.normal(0, 1.2, 2)
            tilted = solid.move(*-center).turn("z", roll).turn("x", pitch).move(*center)
            faces.append(solid.faces + sum(map(len, several)))
            several.append(tilted.vertices)
            parts.append(own.parts.index(f"{category}/{name}"))
    # The builders' objects face -z; half a turn about y makes them face +z.
    stretch = np.exp(rng.normal(0, 0.08, 3)) * (-1, 1, -1)
    vertices = torch.from_numpy(np.concatenate(several) * stretch).float()
    part = torch.tensor(parts).repeat_interleave(torch.tensor(list(map(len, faces))))
    return PartMesh(vertices, torch.from_numpy(np.concatenate(faces)), part, own_seed)


def _sample(mesh: PartMesh, num: int) -> tuple[Tensor, Tensor, Tensor]:
    """Sample positions (num, 3), normals (num, 3) and parts (num,) on the surface of an object."""
    generator = torch.Generator().manual_seed(mesh.seed)
    pos, normal, face = sample_surface(mesh.vertices, mesh.faces, num, generator)
    return pos, normal, mesh.part[face]
