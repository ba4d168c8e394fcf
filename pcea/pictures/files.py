"""Figures and colored shapes as files."""

import os
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor

from pcea.errors import InputError, checked, nearest
from pcea.formats import Cloud, Mesh, replacing, write_glb, write_ply
from pcea.lettering import letter

# The date is left out, so that the same figure gives the same file; each format has its own field.
_DATES: dict[str, dict[str, None]] = {
    ".png": {},
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
}


@checked()
def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a file; an error leaves no partial file.

    Args:
        figure: any matplotlib figure.
        path: a PNG file, which gets the figure's own resolution, or a PDF or SVG file, in which
            text stays text and pictures are embedded.

    Raises:
        InputError: the path has another ending, or the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in _DATES:
        raise InputError(f"{path}: figures are not written as {ending!r}{nearest(ending, _DATES)}")
    letter(figure)
    rules: Any = {"svg.hashsalt": "pcea", "svg.fonttype": "none", "pdf.fonttype": 42}
    own: Any = {"dpi": figure.dpi, "facecolor": figure.get_facecolor()}
    with replacing(path) as file, rc_context(rules):
        figure.savefig(file, format=ending[1:], metadata=_DATES[ending], **own)


def save_colored(
    shape: Mesh | Cloud, path: str | os.PathLike[str], colors: Tensor, name: str, **values: Tensor
) -> None:
    """Write a colored shape as PLY and as GLB, in the coordinates of its file.

    Args:
        shape: a mesh or cloud.
        path: without an ending; ``.ply`` and ``.glb`` are appended.
        colors: (V, 3) or (N, 3) uint8.
        name: the name of the shape in the GLB file.
        **values: (V,) or (N,) further values for the PLY file.
    """
    if isinstance(shape, Mesh):
        pos, faces, normal = shape.vertices, shape.faces, None
    else:
        pos, faces, normal = shape.pos, None, shape.normal
    write_ply(f"{path}.ply", shape.file_pos, colors, faces, normal, **values)
    write_glb(f"{path}.glb", pos, faces, colors, name or "shape", offset=shape.offset)
