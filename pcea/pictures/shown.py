"""Figures that a notebook shows and that files hold, without pyplot's global state."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from pcea.errors import InputError, nearest
from pcea.formats.write import replacing
from pcea.lettering import letter

# The creation date is left out: the same figure is the same file.
_METADATA: dict[str, dict[str, None]] = {
    ".png": {},
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
}
FIGURE_FORMATS = tuple(_METADATA)


class ShownFigure(Figure):
    """A matplotlib figure that a notebook shows even where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        letter(self)
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=self.dpi, facecolor=self.get_facecolor())
        return file.getvalue()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure, whole or not at all.

    Args:
        figure: any matplotlib figure.
        path: where it goes: PNG at the figure's own resolution, or PDF or SVG, in which text
            stays text and pictures are embedded.

    Raises:
        InputError: the ending is none of these, or the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in _METADATA:
        raise InputError(
            f"{path}: figures are not written as {ending!r}{nearest(ending, _METADATA)}"
        )
    letter(figure)
    style: Any = {"svg.hashsalt": "pcea", "svg.fonttype": "none", "pdf.fonttype": 42}
    with replacing(path) as file, rc_context(style):
        figure.savefig(
            file,
            format=ending[1:],
            dpi=figure.dpi,
            facecolor=figure.get_facecolor(),
            metadata=_METADATA[ending],
        )
