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
        found: what :meth:`pcea.models.Segmenter.segment` gives.
        path: without an ending: ``.npz``, ``.ply`` and ``.glb`` are put behind it.

    Raises:
        InputError: a file cannot be written.
    """
    colors = part_colors(len(found.taxonomy.parts), found.taxonomy.parts_of)[found.part]
    found.save_labels(f"{path}.npz")
    save_colored(found.shape, path, colors, Path(path).name, part=found.part)


def part_figure(found: Segmentation, style: Style | None = None) -> Figure:
    """Draw a shape plain beside the same shape by its parts, with their shares of it.

    Args:
        found: what :meth:`pcea.models.Segmenter.segment` gives.
        style: background and so on; the legend is the figure's own.

    Raises:
        InputError: it cannot be drawn.
    """
    panels, colors = part_panels(found)
    names, shares = found.taxonomy.parts, found.shares
    legend = {
        f"{names[part].rpartition('/')[2]} {100 * shares[names[part]]:.1f} %": color
        for part, color in colors.items()
    }
    return gallery(panels, columns=2, style=replace(style or Style(), legend=legend))


def part_panels(found: Segmentation) -> tuple[list[Panel], dict[int, list[int]]]:
    """Show a shape plain and by its parts, y up: two panels, and the color of each part there."""
    drawn, sample = refine(found.shape, found.sample)
    part = found.part if found.face_part is None else found.face_part
    if isinstance(drawn, FineMesh):
        # Where parts meet within a face of a coarse mesh, the faces that it is cut into show it.
        assert sample.face is not None
        own = torch.tensor(found.taxonomy.parts_of[found.taxonomy.category_id(found.category)])
        values = found.sample_probability
        score = carry_to_faces(drawn.faces, drawn.carry_back(sample, values), sample.face, values)
        best = smooth_labels(drawn.vertices, drawn.faces, score.argmax(1), found.smooth)
        part = own[best]
    drawn = drawn.upright(found.up)
    colors = part_colors(len(found.taxonomy.parts), found.taxonomy.parts_of)
    title = found.category + ("" if found.up == "y" else f", {found.up} up")
    panels = [Panel(drawn, title=found.shape.name), Panel(drawn, colors=colors[part], title=title)]
    return panels, {i: colors[i].tolist() for i in part.unique().tolist()}
