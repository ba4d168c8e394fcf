"""A shape and its parts, as files of colored shapes and as a figure."""

import os
from dataclasses import replace
from pathlib import Path

import torch
from matplotlib.figure import Figure

from pcea.geometry import carry_to_faces, smooth_labels
from pcea.models import Segmentation
from pcea.pictures.figures import Panel, Style, gallery
from pcea.pictures.files import save_colored
from pcea.pictures.palette import part_colors
from pcea.pictures.refine import FineMesh, refine


def save_parts(found: Segmentation, path: str | os.PathLike[str]) -> None:
    """Write the labels and the shape colored by part, in the file's own coordinates.

    Args:
        found: the result of :meth:`pcea.models.Segmenter.segment`.
        path: without an ending; ``.npz``, ``.ply`` and ``.glb`` are appended.
    """
    colors = part_colors(len(found.taxonomy.parts), found.taxonomy.parts_of)[found.part]
    found.save_labels(f"{path}.npz")
    save_colored(found.shape, path, colors, Path(path).name, part=found.part)


def part_figure(found: Segmentation, style: Style | None = None) -> Figure:
    """Draw a shape twice, plain and colored by part; the legend has the share of each part.

    Args:
        found: the result of :meth:`pcea.models.Segmenter.segment`.
        style: background, resolution and other settings, but for the legend.
    """
    panels, colors = part_panels(found)
    names, shares = found.taxonomy.parts, found.shares
    legend = {
        f"{names[part].rpartition('/')[2]} {100 * shares[names[part]]:.1f} %": color
        for part, color in colors.items()
    }
    return gallery(panels, columns=2, style=replace(style or Style(), legend=legend))


def part_panels(found: Segmentation) -> tuple[list[Panel], dict[int, list[int]]]:
    """Make two panels of a shape, plain and colored by part; also give the color of each part."""
    drawn, sample = refine(found.shape, found.sample)
    part = found.part if found.face_part is None else found.face_part
    if isinstance(drawn, FineMesh):
        # Parts may meet within a face of a coarse mesh, so its pieces get labels of their own.
        assert sample.face is not None
        own = torch.tensor(found.taxonomy.parts_of[found.taxonomy.category_id(found.category)])
        values = found.sample_probability
        score = carry_to_faces(drawn.faces, drawn.carry_back(sample, values), sample.face, values)
        best = smooth_labels(drawn.vertices, drawn.faces, score.argmax(1), found.smooth)
        part = own[best]
    drawn = drawn.upright(found.up)
    colors = part_colors(len(found.taxonomy.parts), found.taxonomy.parts_of)
    title = f"unsure, perhaps {found.category}" if found.unsure else found.category
    title += "" if found.up == "y" else f", {found.up} up"
    panels = [Panel(drawn, title=found.shape.name), Panel(drawn, colors=colors[part], title=title)]
    return panels, {i: colors[i].tolist() for i in part.unique().tolist()}
