"""Whole sets of objects as labelled points."""

from __future__ import annotations

import torch
from torch import Tensor

from pcea.datasets.shapes.catalog import CATEGORIES, build, seed_sequence
from pcea.errors import InputError
from pcea.geometry.normalize import unit_sphere
from pcea.geometry.surface import sample_surface


def sample_shapes(
    num_per_category: int, num_points: int, seed: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Make objects of every category and sample their surfaces, evenly by area.

    Object i of a category depends on the seed, the category and i alone: more objects leave the
    first ones as they are, and sets with different seeds are independent.

    Args:
        num_per_category: objects in each category, at least 1.
        num_points: points N on each object, at least 1.
        seed: at least 0.

    Returns:
        For M = categories × `num_per_category` objects, category after category: pos (M, N, 3)
        float32 in the unit sphere, y up, facing +z; normal (M, N, 3) float32, outward and of
        length 1; part (M, N) int64, indices into `PARTS`; category (M,) int64.

    Raises:
        InputError: a number is out of range.
    """
    if num_per_category < 1 or num_points < 1:
        raise InputError(
            "shapes needs at least 1 object a category and 1 point an object, "
            f"not {num_per_category} and {num_points}"
        )
    total = len(CATEGORIES) * num_per_category
    pos = torch.empty(total, num_points, 3)
    normal = torch.empty(total, num_points, 3)
    part = torch.empty(total, num_points, dtype=torch.int64)
    for row in range(total):
        category, index = divmod(row, num_per_category)
        mesh = build(category, seed, index)
        state = seed_sequence(seed, category, index).spawn(1)[0].generate_state(1)
        generator = torch.Generator().manual_seed(int(state[0]))
        pos[row], normal[row], face = sample_surface(
            mesh.vertices, mesh.faces, num_points, generator
        )
        part[row] = mesh.part[face]
    category_of = torch.arange(len(CATEGORIES)).repeat_interleave(num_per_category)
    return unit_sphere(pos), normal, part, category_of
