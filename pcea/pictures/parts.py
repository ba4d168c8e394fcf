"""A shape and its parts, as panels."""

from __future__ import annotations

import torch
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.formats import Cloud, Mesh, ShapeLike, as_shape
from pcea.geometry import carry_to_faces, smooth_labels
from pcea.models import Segmentation
from pcea.pictures.palette import part_colors
from pcea.pictures.panels import Panel
from pcea.pictures.refine import ENOUGH_FACES, refine


def part_panels(
    shape: ShapeLike, found: Segmentation, taxonomy: Taxonomy, up: str = "y", smooth: int = 0
) -> tuple[list[Panel], dict[int, tuple[int, int, int]]]:
    """Show a shape plain, and by its parts.

    The faces of a coarse mesh are cut first: where parts meet within a face, they show it.

    Args:
        shape: a cloud or mesh in its own axes, or what else :func:`pcea.as_shape` takes.
        found: its parts.
        taxonomy: the parts that there are.
        up: the axis that points up in the shape. Default ``y``.
        smooth: rounds of majority smoothing of a mesh's faces. Default 0.

    Returns:
        Two panels, y up, and the colour (red, green, blue) of each part to be seen.
    """
    shape = as_shape(shape)
    shown, part = _painted(shape, found, taxonomy, smooth)
    shown = shown.upright(up)
    colors = part_colors(len(taxonomy.parts), taxonomy.parts_of)
    turned = "" if up == "y" else f", {up} up"
    panels = [
        Panel(shown, title=shape.name),
        Panel(shown, colors=colors[part], title=found.category + turned),
    ]
    used = {
        int(each): (int(r), int(g), int(b)) for each in part.unique() for r, g, b in [colors[each]]
    }
    return panels, used


def _painted(
    shape: Mesh | Cloud, found: Segmentation, taxonomy: Taxonomy, smooth: int
) -> tuple[Mesh | Cloud, Tensor]:
    """A cloud and the part of each of its points, or a mesh and the part of each of its faces."""
    if isinstance(shape, Cloud):
        return shape, found.part
    assert found.face_part is not None
    if len(shape.faces) >= ENOUGH_FACES:
        return shape, found.face_part
    own = torch.tensor(taxonomy.parts_of[taxonomy.category_id(found.category)])
    fine, sample = refine(shape, found.sample)
    assert sample.face is not None
    values = found.sample_probability
    score = carry_to_faces(fine.faces, fine.carry_back(sample, values), sample.face, values)
    best = smooth_labels(fine.vertices, fine.faces, score.argmax(1), smooth)
    return fine, own[best]
