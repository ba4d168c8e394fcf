"""What ``pcea segment`` writes for a shape: labels, the coloured shape, and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pcea.cli.output import percent
from pcea.formats import Cloud, Mesh, write_glb, write_npz, write_ply
from pcea.geometry import carry_to_faces, face_areas, smooth_labels, upright
from pcea.models import Segmentation, Segmenter
from pcea.pictures.palette import part_colors
from pcea.pictures.refine import ENOUGH_FACES, refine

if TYPE_CHECKING:
    from pcea.cli.segment import Segment

ENDINGS = (".npz", ".ply", ".glb", ".png")


def shares(model: Segmenter, shape: Mesh | Cloud, found: Segmentation) -> dict[str, float]:
    """Measure the parts of the category found.

    Returns:
        Each part's name and its share of a mesh's surface, or of a cloud's points.
    """
    taxonomy = model.info.taxonomy
    part, weight = found.part, None
    if isinstance(shape, Mesh) and found.face_part is not None:
        part, weight = found.face_part, face_areas(shape.vertices, shape.faces)
    total = part.bincount(weight, minlength=len(taxonomy.parts)).double()
    own = taxonomy.parts_of[taxonomy.category_id(found.category)]
    return {taxonomy.parts[i]: float(total[i] / total.sum()) for i in own}


def write(
    model: Segmenter, shape: Mesh | Cloud, found: Segmentation, up: str, target: Path
) -> None:
    """Write the labels and the coloured shape."""
    arrays: dict[str, Any] = {
        "part": found.part,
        "probability": found.probability,
        "part_names": list(model.info.taxonomy.parts),
        "category": found.category,
        "up": up,
    }
    colors = _colors(model)[found.part]
    if isinstance(shape, Mesh):
        pos, faces, normal = shape.vertices, shape.faces, None
        arrays |= {
            "faces": faces,
            "face_part": found.face_part,
            "face_probability": found.face_probability,
            "sample_pos": found.sample.pos,
            "sample_face": found.sample.face,
            "sample_part": found.sample_part,
        }
    else:
        pos, faces, normal = shape.pos, None, shape.normal
    write_npz(beside(target, ".npz"), pos=pos, **arrays)
    write_ply(beside(target, ".ply"), pos, colors, faces, normal, part=found.part)
    write_glb(beside(target, ".glb"), pos, faces, colors, target.name)


def draw(
    model: Segmenter,
    shape: Mesh | Cloud,
    found: Segmentation,
    up: str,
    parts: Mapping[str, float],
    target: Path,
    options: Segment,
) -> None:
    """Draw the shape plain beside the shape by parts.

    Raises:
        InputError: it cannot be drawn or written.
    """
    from pcea.pictures.figures import Panel, Style, gallery
    from pcea.pictures.shown import save

    taxonomy = model.info.taxonomy
    own = torch.tensor(taxonomy.parts_of[taxonomy.category_id(found.category)])
    shown, part = _painted(shape, found, own, options.smooth)
    if isinstance(shown, Mesh):
        shown = Mesh(upright(shown.vertices, up), shown.faces)
    else:
        normal = None if shown.normal is None else upright(shown.normal, up)
        shown = Cloud(upright(shown.pos, up), normal, shown.color)
    colors = _colors(model)
    legend = {
        f"{taxonomy.parts[i].rpartition('/')[2]} {percent(parts[taxonomy.parts[i]])}": color
        for i, color in enumerate(colors.tolist())
        if i in part
    }
    style = Style(background=options.background, renderer=options.renderer, legend=legend)
    turned = "" if up == "y" else f", {up} up"
    panels = [
        Panel(shown, title=shape.name),
        Panel(shown, colors=colors[part], title=found.category + turned),
    ]
    save(gallery(panels, columns=2, style=style), beside(target, ".png"))


def beside(target: Path, ending: str) -> Path:
    """Give the file of an ending among a shape's results."""
    return target.with_name(target.name + ending)


def _painted(
    shape: Mesh | Cloud, found: Segmentation, own: Tensor, smooth: int
) -> tuple[Mesh | Cloud, Tensor]:
    """What a picture shows: a cloud's points, or a mesh's faces, and the part of each.

    The faces of a coarse mesh are cut first: where parts meet within a face, they show it.
    """
    if isinstance(shape, Cloud):
        return shape, found.part
    assert found.face_part is not None
    if len(shape.faces) >= ENOUGH_FACES:
        return shape, found.face_part
    fine, sample = refine(shape, found.sample)
    assert sample.face is not None
    values = found.sample_probability
    score = carry_to_faces(fine.faces, fine.carry_back(sample, values), sample.face, values)
    best = smooth_labels(fine.vertices, fine.faces, score.argmax(1), smooth)
    return fine, own[best]


def _colors(model: Segmenter) -> Tensor:
    """A colour for each part, (P, 3) uint8."""
    taxonomy = model.info.taxonomy
    return part_colors(len(taxonomy.parts), taxonomy.parts_of)
