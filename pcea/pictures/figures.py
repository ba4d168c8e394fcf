"""Figures for papers and notebooks: one shape, a gallery, a grid."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.defaults import Background, Renderer
from pcea.errors import InputError, checked, require
from pcea.formats import Cloud, Mesh, as_shape
from pcea.pictures.camera import Camera
from pcea.pictures.colormaps import color_table, limits, real_numbers, shares_of
from pcea.pictures.compose import Drawn, compose
from pcea.pictures.render import LARGEST, ColorBy, coloring
from pcea.pictures.scene import Coloring, Scene

# The greatest and the least height of a panel, as shares of its width.
TALLEST, FLATTEST = 1.35, 0.3
MARGIN = 0.012  # around the shapes, as a share of the camera's picture


@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """One picture in a figure.

    Args:
        shape: a mesh or a cloud, y up, or anything else that :func:`pcea.as_shape` takes.
        values: (V,) or (N,) numbers at the vertices or points, colored by the figure's map.
        colors: (V, 3), (F, 3) or (N, 3) uint8, instead of values.
        title: the text above it.
        color_by: whether ``colors`` are of vertices or of faces, as for :func:`render`.
        mark: (3,) a place of the shape that gets a red dot.

    Raises:
        InputError: the values do not fit the shape, or there are both values and colors.
    """

    shape: Mesh | Cloud
    values: ArrayLike | Tensor | None = None
    colors: ArrayLike | Tensor | None = None
    title: str = ""
    color_by: ColorBy = "auto"
    mark: ArrayLike | Tensor | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_shape(self.shape))
        require("title", self.title, str)
        if self.values is None:
            return
        array = real_numbers(self.values).numpy()
        num = len(self.shape.vertices) if isinstance(self.shape, Mesh) else len(self.shape)
        if self.colors is not None:
            raise InputError("a panel has values or colors, not both")
        if array.shape != (num,):
            raise InputError(f"the values of this shape have the shape ({num},), not {array.shape}")
        object.__setattr__(self, "values", array)

    def __repr__(self) -> str:
        what = "plain" if self.colors is None else "colors"
        return f"Panel({self.shape!r}, {what if self.values is None else 'values'})"


@checked(dpi=1, width=0.1)
@dataclass(frozen=True)
class Style:
    """The settings that all panels of a figure share.

    Args:
        background: ``"white"``, ``"dark"`` or ``"transparent"``.
        colormap: one of :data:`pcea.pictures.COLORMAPS`.
        low: the value of the map's first color. Default: the least of all panels, or of each.
        high: the value of the map's last color. Default: the greatest.
        scale: ``"shared"``: one color scale for all panels; ``"each"``: one for each panel.
        label: the text beside the color bar.
        legend: names and their colors (red, green, blue, 0 to 255), drawn below the panels.
        camera: the view.
        renderer: how meshes are rasterized, as for :func:`render`.
        point_size: the radius of a cloud's points, as a share of the shape's.
        width: a panel's width in inches. Default: 4 for a single panel, at most 7 for all columns.
        dpi: pixels per inch.
    """

    background: Background = "white"
    colormap: str = "viridis"
    low: float | None = None
    high: float | None = None
    scale: Literal["shared", "each"] = "shared"
    label: str = ""
    legend: Mapping[str, Sequence[int]] = field(default_factory=dict)
    camera: Camera = field(default_factory=Camera)
    renderer: Renderer = "auto"
    point_size: float | None = None
    width: float | None = None
    dpi: int = 200


@checked()
def one(panel: Panel, style: Style | None = None) -> Figure:
    """Make a figure of one shape, as :func:`grid` does of several."""
    return grid([[panel]], style=style)


@checked(columns=1)
def gallery(
    panels: Sequence[Panel],
    columns: int | None = None,
    title: str = "",
    style: Style | None = None,
) -> Figure:
    """Make a figure of many shapes, row after row; otherwise like :func:`grid`.

    By default the number of columns is chosen so that the figure is somewhat wider than high.
    """
    columns = _even_columns(len(panels)) if columns is None else columns
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return grid(rows, title=title, style=style)


@checked()
def grid(
    rows: Sequence[Sequence[Panel | None]],
    row_titles: Sequence[str] = (),
    column_titles: Sequence[str] = (),
    title: str = "",
    style: Style | None = None,
) -> Figure:
    """Make a figure of shapes in rows and columns.

    All panels are cut to the width of the widest shape, and those of a row to the height of its
    highest one. Nothing is scaled: the bounding spheres of all shapes are equally large.

    Args:
        rows: the panels from top to bottom and from left to right; None leaves a place empty.
        row_titles: the text to the left of each row.
        column_titles: the text above each column.
        title: the text above the figure.
        style: the settings of all panels.

    Returns:
        The figure, for :func:`save` or a notebook.
    """
    style = style or Style()
    panels = [panel for row in rows for panel in row if panel is not None]
    if not panels:
        raise InputError("a figure needs at least one panel")
    columns = max(len(row) for row in rows)
    for name, given, num in ("row", row_titles, len(rows)), ("column", column_titles, columns):
        if given and len(given) != num:
            raise InputError(f"there are {num} {name}s and {len(given)} {name} titles")
    values = [np.asarray(panel.values) for panel in panels if panel.values is not None]
    scale: tuple[float, ...] | None = () if values else None  # (): each panel has its own
    if values and (style.scale == "shared" or (style.low, style.high) != (None, None)):
        scale = limits(np.concatenate(values), style.low, style.high, style.colormap)
    return compose(_draw(rows, style, scale), row_titles, column_titles, title, style, scale)


def _even_columns(num: int) -> int:
    """Choose the number of columns: one row for up to four panels, or else about a square."""
    if num <= 4:
        return max(num, 1)
    least = math.ceil(math.sqrt(num))
    return min(range(least, math.ceil(1.6 * least)), key=lambda columns: (-num % columns, columns))


def _draw(
    rows: Sequence[Sequence[Panel | None]], style: Style, scale: tuple[float, ...] | None
) -> list[list[Drawn | None]]:
    """Draw each panel, cut to the width that all need and the height that its row needs."""
    places = [(i, j, each) for i, row in enumerate(rows) for j, each in enumerate(row) if each]
    shapes = {id(panel.shape): panel.shape for _, _, panel in places}
    scenes = {key: Scene(each, style.camera, style.point_size) for key, each in shapes.items()}
    extents = {key: scene.extent() for key, scene in scenes.items()}
    every = np.array(list(extents.values()))  # (shapes, 4), of a square picture of width 1
    left, right = every[:, 0].min() - MARGIN, every[:, 2].max() + MARGIN
    of_rows = [[extents[id(each.shape)] for each in row if each] for row in rows]
    spans = [np.array(own).reshape(-1, 4) if own else every for own in of_rows]
    top = np.array([own[:, 1].min() for own in spans]) - MARGIN  # of each row
    bottom = np.array([own[:, 3].max() for own in spans]) + MARGIN
    width = min(max(right - left, (bottom - top).max() / TALLEST), 1.0)
    height = (bottom - top).clip(FLATTEST * width, 1.0)

    columns = max(len(row) for row in rows)
    inches = style.width or (4.0 if columns == 1 else min(3.0, max(7.0 / columns, 0.8)))
    pixels = max(round(inches * style.dpi), 16)
    side = round(pixels / width)
    if side > LARGEST:
        raise InputError(f"panels of {pixels} pixels are too wide: lower the width or the dpi")
    start = round(side * min(max((left + right - width) / 2, 0.0), 1.0 - width))
    first = np.rint(side * ((top + bottom - height) / 2).clip(0.0, 1.0 - height)).astype(int)
    end = first + np.rint(side * height).astype(int).clip(1)

    drawn: list[list[Drawn | None]] = [[None] * len(row) for row in rows]
    for key, scene in scenes.items():  # panels of the same shape are rasterized once
        own = [place for place in places if id(place[2].shape) == key]
        colorings = [_coloring(panel, style, scale) for _, _, panel in own]
        whole = scene.draw(colorings, (side, side), style.background, style.renderer)
        for (i, j, panel), picture in zip(own, whole, strict=True):
            mark = None
            if panel.mark is not None:
                x, y = scene.locate(np.asarray(panel.mark, np.float64))
                mark = side * x - start, side * y - first[i]
            cut = picture[first[i] : end[i], start : start + pixels]
            drawn[i][j] = cut, panel.title, mark
    return drawn


def _coloring(panel: Panel, style: Style, scale: tuple[float, ...] | None) -> Coloring:
    if panel.values is None:
        return coloring(panel.shape, panel.colors, panel.color_by)
    low, high = scale or limits(panel.values, name=style.colormap)
    share = shares_of(panel.values, low, high).unsqueeze(1).numpy()
    return share, False, color_table(style.colormap).numpy()
