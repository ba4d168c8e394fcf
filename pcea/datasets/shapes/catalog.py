"""The categories, their parts, and the making of one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from pcea.datasets.shapes import figures, furniture, instruments, vehicles, vessels
from pcea.datasets.shapes.primitives import Parts, rotation
from pcea.errors import InputError, nearest


@dataclass(frozen=True)
class Kind:
    """One category: how to build it, and the parts it must and may have."""

    build: Callable[[Generator], Parts]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """All of them, the required ones first."""
        return self.required + self.optional


KINDS: dict[str, Kind] = {
    "airplane": Kind(vehicles.airplane, ("fuselage", "wing", "tail"), ("engine",)),
    "animal": Kind(figures.animal, ("torso", "head", "leg"), ("tail",)),
    "bench": Kind(furniture.bench, ("seat", "leg"), ("back", "arm")),
    "bottle": Kind(vessels.bottle, ("body", "neck"), ("cap",)),
    "car": Kind(vehicles.car, ("body", "cabin", "wheel")),
    "chair": Kind(furniture.chair, ("seat", "back", "leg"), ("arm",)),
    "desk": Kind(furniture.desk, ("top", "leg", "drawer"), ("panel",)),
    "guitar": Kind(instruments.guitar, ("body", "neck", "head")),
    "lamp": Kind(vessels.lamp, ("base", "pole", "shade")),
    "mug": Kind(vessels.mug, ("body", "handle")),
    "person": Kind(figures.person, ("torso", "head", "arm", "leg")),
    "plant": Kind(vessels.plant, ("pot", "stem", "leaf")),
    "rocket": Kind(vehicles.rocket, ("body", "nose", "fin"), ("engine", "booster")),
    "stool": Kind(furniture.stool, ("seat", "leg")),
    "table": Kind(furniture.table, ("top", "leg"), ("shelf",)),
    "vase": Kind(vessels.vase, ("body", "neck"), ("handle",)),
}

CATEGORIES: tuple[str, ...] = tuple(KINDS)
PARTS: tuple[str, ...] = tuple(f"{name}/{part}" for name in KINDS for part in KINDS[name].parts)
PARTS_OF: tuple[tuple[int, ...], ...] = tuple(
    tuple(PARTS.index(f"{name}/{part}") for part in KINDS[name].parts) for name in KINDS
)


@dataclass(frozen=True)
class PartMesh:
    """A mesh whose faces know their part.

    Args:
        vertices: (V, 3) float32, y up, facing +z, as in ModelNet40 and glTF.
        faces: (F, 3) int64, counter-clockwise seen from outside.
        part: (F,) int64, global part ids: indices into `PARTS`.
        category: index into `CATEGORIES`.
    """

    vertices: Tensor
    faces: Tensor
    part: Tensor
    category: int


def build(category: int | str, seed: int, index: int = 0) -> PartMesh:
    """Make one object; the same arguments always make the same one.

    It is assembled from closed solids that may overlap, each tilted a little, and the whole is
    stretched a little along each axis. Its size is arbitrary.

    Args:
        category: name or index of the category.
        seed: at least 0; the seed of a family of objects.
        index: at least 0; which object of that family.

    Raises:
        InputError: there is no such category, or the seed is negative.
    """
    number = category_index(category)
    rng = np.random.default_rng(seed_sequence(seed, number, index))
    kind = KINDS[CATEGORIES[number]]
    named = kind.build(rng)
    ids = dict(zip(kind.parts, PARTS_OF[number], strict=True))
    # The builders look along -z; half a turn about y makes that +z.
    stretch = np.exp(rng.normal(0, 0.08, 3)) * (-1, 1, -1)
    tilts = rng.normal(0, 1.2, (len(named), 2))
    vertices, faces, part, offset = [], [], [], 0
    for (name, solid), (pitch, roll) in zip(named, tilts, strict=True):
        centre = (solid.vertices.min(0) + solid.vertices.max(0)) / 2
        matrix = rotation("x", pitch) @ rotation("z", roll)
        vertices.append(((solid.vertices - centre) @ matrix.T + centre) * stretch)
        faces.append(solid.faces + offset)
        part.append(np.full(len(solid.faces), ids[name]))
        offset += len(solid.vertices)
    return PartMesh(
        vertices=torch.from_numpy(np.concatenate(vertices).astype(np.float32)),
        faces=torch.from_numpy(np.concatenate(faces)),
        part=torch.from_numpy(np.concatenate(part)),
        category=number,
    )


def category_index(category: int | str) -> int:
    """The index of a category that is given by name or index.

    Raises:
        InputError: there is no such category.
    """
    if isinstance(category, str):
        if category not in KINDS:
            raise InputError(f"shapes has no category '{category}'{nearest(category, KINDS)}")
        return CATEGORIES.index(category)
    if not 0 <= category < len(CATEGORIES):
        raise InputError(f"shapes has categories 0 to {len(CATEGORIES) - 1}, not {category}")
    return category


def seed_sequence(seed: int, category: int, index: int) -> np.random.SeedSequence:
    """The source of one object's randomness, independent of every other object's.

    Raises:
        InputError: the seed or the index is negative.
    """
    if seed < 0 or index < 0:
        raise InputError(f"shapes needs a seed and an index of at least 0, not {seed} and {index}")
    return np.random.SeedSequence(entropy=seed, spawn_key=(category, index))
