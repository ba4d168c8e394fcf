"""Figures for papers and notebooks: one shape, a gallery, a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pcea.errors import InputError
from pcea.pictures.compose import compose
from pcea.pictures.panels import Panel, Style, draw_panels, shared_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def one(panel: Panel, style: Style | None = None) -> Figure:
    """Make a figure of one shape, as :func:`grid` does of several."""
    return grid([[panel]], style=style)


def gallery(
    panels: Sequence[Panel],
    columns: int | None = None,
    title: str = "",
    style: Style | None = None,
) -> Figure:
    """Make a figure of many shapes, row after row; else it is as :func:`grid`.

    Args:
        panels: from left to right, then down.
        columns: how many in a row. Default: somewhat wider than high.
        title: what to write above all.
        style: how they are drawn.
    """
    num = len(panels)
    columns = _even_columns(num) if columns is None else columns
    if columns < 1:
        raise InputError(f"a gallery has at least one column, not {columns}")
    rows = [panels[start : start + columns] for start in range(0, num, columns)]
    return grid(rows, title=title, style=style)


def grid(
    rows: Sequence[Sequence[Panel | None]],
    row_titles: Sequence[str] = (),
    column_titles: Sequence[str] = (),
    title: str = "",
    style: Style | None = None,
) -> Figure:
    """Make a figure of shapes in rows and columns.

    The camera's picture is cut to what the widest shape needs, and in each row to what the highest
    needs. Nothing is scaled: the bounding spheres of all shapes are equally large.

    Args:
        rows: the panels from top to bottom and from left to right; None leaves a place empty.
        row_titles: what to write to the left of each row.
        column_titles: what to write above each column.
        title: what to write above all.
        style: how they are drawn.

    Returns:
        The figure, for :func:`save` or a notebook.

    Raises:
        InputError: an argument is wrong.
    """
    style = style or Style()
    panels = [panel for row in rows for panel in row if panel is not None]
    if not panels:
        raise InputError("a figure needs at least one panel")
    num_columns = max(len(row) for row in rows)
    for name, given, num in (
        ("row", row_titles, len(rows)),
        ("column", column_titles, num_columns),
    ):
        if given and len(given) != num:
            raise InputError(f"there are {num} {name}s and {len(given)} {name} titles")
    scale = shared_scale(panels, style)
    pictures = draw_panels(rows, style, scale)
    titles = [["" if panel is None else panel.title for panel in row] for row in rows]
    return compose(pictures, titles, row_titles, column_titles, title, style, scale)


def _even_columns(num: int) -> int:
    """Choose a number of columns that fills the rows: all of four, then about a square."""
    if num <= 4:
        return max(num, 1)
    least = math.ceil(math.sqrt(num))
    return min(range(least, math.ceil(1.6 * least)), key=lambda columns: (-num % columns, columns))
