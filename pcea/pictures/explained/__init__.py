"""What an explanation holds, as pictures and as colored shapes: one file per picture."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

from pcea.explanation import Explanation
from pcea.pictures.colormaps import colors_of
from pcea.pictures.explained import base
from pcea.pictures.explained.base import COLORMAP, PICTURES, DrawnExplanation, register_picture
from pcea.pictures.files import save, save_colored
from pcea.pictures.panels import Style
from pcea.pictures.raycast import Renderer
from pcea.pictures.render import Background
from pcea.pictures.turntable import turntable as write_turntable

__all__ = [
    "COLORMAP",
    "PICTURES",
    "DrawnExplanation",
    "register_picture",
    "save_explanation",
    "saved_names",
]

# Pictures of a turn.
FRAMES = 48

# A file that registers a picture joins by lying beside the others.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def saved_names() -> list[str]:
    """Name the files that :func:`save_explanation` may write."""
    pictures = [f"{name}.png" for name in PICTURES.names()]
    return [*pictures, "attention.ply", "attention.glb", "attention.npz", "turntable.gif"]


def save_explanation(
    found: Explanation,
    folder: str | os.PathLike[str],
    *,
    title: str | None = None,
    background: Background = "white",
    renderer: Renderer = "auto",
    turntable: bool = False,
) -> None:
    """Write an explanation to a folder: its values, the colored shape, and pictures.

    ``attention.npz`` holds all values, ``attention.ply`` and ``attention.glb`` the shape colored by
    the first column of the gallery, in the file's own coordinates. ``gallery.png`` shows the
    gallery, ``layers.png`` some columns of every layer, and ``importance.png`` which points
    decide, where that was found out.

    Args:
        found: what :func:`pcea.explain` gives.
        folder: where to write; it is made if need be.
        title: what stands above the pictures. Default: the shape's name and the answer.
        background: what is behind the shapes.
        renderer: who finds the triangles of a mesh, as for :func:`render`.
        turntable: whether to write ``turntable.gif``, too.

    Raises:
        InputError: nothing can be drawn, or a file cannot be written.
    """
    folder, high = Path(folder), found.gallery[0].high
    values = found.on_shape[:, 0]
    colors = colors_of(values, 0.0, high, COLORMAP)
    save_colored(found.shape, folder / "attention", colors, folder.name, attention=values)
    found.save_values(folder / "attention.npz")
    if title is None:
        name, probability = found.best()[0]
        title = f"{found.shape.name or 'shape'}: {name} ({100 * probability:.1f} %)"
    style = Style(background=background, renderer=renderer, dpi=base.DPI)
    drawn = DrawnExplanation(found, title, style)
    for name, draw in PICTURES.entries().items():
        figure = draw(drawn)
        if figure is not None:
            save(figure, folder / f"{name}.png")
    if turntable:
        first = drawn.carry(found.values(found.gallery[:1]))[:, 0]
        colors = colors_of(first, 0.0, high, COLORMAP)
        path = folder / "turntable.gif"
        write_turntable(
            *(path, drawn.shape, colors, FRAMES), background=background, renderer=renderer
        )
