"""What ``pcea segment`` writes for a shape: labels, the coloured shape, and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pcea.cli.output import percent
from pcea.formats import Cloud, Mesh, write_glb, write_npz, write_ply
from pcea.geometry import face_areas
from pcea.models import Segmentation, Segmenter
from pcea.pictures.palette import part_colors
from pcea.pictures.render import Background

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
    """Write the labels and the coloured shape, in the file's own coordinates."""
    taxonomy = model.info.taxonomy
    arrays: dict[str, Any] = {
        "part": found.part,
        "probability": found.probability,
        "part_names": list(taxonomy.parts),
        "category": found.category,
        "up": up,
    }
    colors = part_colors(len(taxonomy.parts), taxonomy.parts_of)[found.part]
    if isinstance(shape, Mesh):
        pos, faces, normal = shape.vertices, shape.faces, None
        arrays |= {
            "faces": faces,
            "face_part": found.face_part,
            "face_probability": found.face_probability,
            "sample_pos": found.sample.file_pos,
            "sample_face": found.sample.face,
            "sample_part": found.sample_part,
        }
    else:
        pos, faces, normal = shape.pos, None, shape.normal
    if shape.row is not None:
        arrays["row"] = shape.row
    in_file = shape.file_pos
    write_npz(beside(target, ".npz"), pos=in_file, offset=shape.offset, **arrays)
    write_ply(beside(target, ".ply"), in_file, colors, faces, normal, part=found.part)
    write_glb(beside(target, ".glb"), pos, faces, colors, target.name, offset=shape.offset)


def draw(
    model: Segmenter,
    shape: Mesh | Cloud,
    found: Segmentation,
    up: str,
    parts: Mapping[str, float],
    target: Path,
    smooth: int,
    background: Background,
) -> None:
    """Draw the shape plain beside the shape by parts.

    Raises:
        InputError: it cannot be drawn or written.
    """
    from pcea.pictures.figures import Style, gallery
    from pcea.pictures.parts import part_panels
    from pcea.pictures.shown import save

    taxonomy = model.info.taxonomy
    panels, colors = part_panels(shape, found, taxonomy, up, smooth)
    legend = {
        f"{taxonomy.parts[part].rpartition('/')[2]} {percent(parts[taxonomy.parts[part]])}": color
        for part, color in colors.items()
    }
    style = Style(background=background, legend=legend)
    save(gallery(panels, columns=2, style=style), beside(target, ".png"))


def beside(target: Path, ending: str) -> Path:
    """Give the file of an ending among a shape's results."""
    return target.with_name(target.name + ending)
