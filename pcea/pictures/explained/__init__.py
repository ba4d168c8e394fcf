"""Draw an explanation as pictures and colored shapes: one module per picture."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from pcea.defaults import Background, Renderer
from pcea.explanation import Column, Explanation
from pcea.geometry import upright
from pcea.pictures.colormaps import colors_of
from pcea.pictures.figures import Panel, Style
from pcea.pictures.files import save, save_colored
from pcea.pictures.refine import Refined
from pcea.pictures.turntable import turntable as write_turntable
from pcea.registry import Registry, import_modules

# From light to dark: a peaked slot has low values on most of a shape, whose form stays visible.
COLORMAP = "magma_r"
DPI = 200
# Pictures in an animation.
FRAMES = 48


class DrawnExplanation:
    """An explanation on the shape as it is drawn.

    Args:
        found: the explanation.
        title: the text above each figure.
        style: background and resolution; the figures choose their colors.
    """

    def __init__(self, found: Explanation, title: str, style: Style) -> None:
        self.found, self.title, self.style = found, title, style
        # A mesh of few triangles is subdivided; values (P, C) are carried to its vertices.
        refined = Refined(found)
        self.shape, self.carry = refined.shape.upright(found.up), refined.carry

    @property
    def colored(self) -> Style:
        """The style of panels that are colored by columns."""
        label = "share of the panel's top value"
        return replace(self.style, colormap=COLORMAP, low=0.0, high=1.0, label=label)

    def panels(
        self, columns: Sequence[Column], names: Sequence[str], on_sample: bool = False
    ) -> list[Panel]:
        """Draw columns on the shape, or on the sampled points, with a mark at each query point."""
        values = self.found.values(columns)
        shape = self.found.sample.upright(self.found.up) if on_sample else self.shape
        values = values if on_sample else self.carry(values)
        panels = []
        for column, own, name in zip(columns, values.T, names, strict=True):
            title, mark = f"{name}\nup to {column.high:.0f} × the mean", None
            query = self.found.maps[column.layer].query
            if query is not None and column.index > 0:  # column 0 is what points receive
                mark = upright(query[column.index - 1], self.found.up)
            panels.append(Panel(shape, own / column.high, title=title, mark=mark))
        return panels


# A picture returns its figure, or None if the explanation lacks what it draws.
Picture = Callable[[DrawnExplanation], Figure | None]
PICTURES: Registry[Picture] = Registry("picture", "pcea.pictures")
register_picture = PICTURES.register


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
    the first column of the gallery, in the file's own coordinates. Each registered picture is a
    PNG, such as ``gallery.png``, if the explanation has what it draws.

    Args:
        found: the result of :func:`pcea.explain`.
        folder: where to write; a missing folder is made.
        title: the text above the pictures. Default: the shape's name and the prediction.
        background: what is behind the shapes.
        renderer: how meshes are rasterized, as for :func:`render`.
        turntable: whether to write ``turntable.gif``, too.
    """
    folder, high, values = Path(folder), found.gallery[0].high, found.on_shape[:, 0]
    colors = colors_of(values, 0.0, high, COLORMAP)
    save_colored(found.shape, folder / "attention", colors, folder.name, attention=values)
    found.save_values(folder / "attention.npz")
    if title is None:
        title = f"{found.shape.name or 'shape'}: {found.answer}"
    style = Style(background=background, renderer=renderer, dpi=DPI)
    drawn = DrawnExplanation(found, title, style)
    for name, draw in PICTURES.entries().items():
        if (figure := draw(drawn)) is not None:
            save(figure, folder / f"{name}.png")
    if turntable:
        first = drawn.carry(found.values(found.gallery[:1]))[:, 0]
        colors = colors_of(first, 0.0, high, COLORMAP)
        write_turntable(
            *(folder / "turntable.gif", drawn.shape, colors, FRAMES),
            background=background,
            renderer=renderer,
        )


# Every module of this folder is imported, so that it can register its picture.
import_modules(__name__, __path__)
