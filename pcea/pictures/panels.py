"""Panels of a figure: what is in them, how they look, and their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, as_shape
from pcea.formats.raw import Array
from pcea.pictures.camera import Camera
from pcea.pictures.colormap import colors_of, limits
from pcea.pictures.refine import refine_values
from pcea.pictures.render import LARGEST, Background, render_each
from pcea.pictures.scene import extent

# A panel is no higher than this times its width, and no lower than that.
TALLEST, FLATTEST = 1.35, 0.3
MARGIN = 0.012  # around what is shown, as a share of the camera's picture


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture in a figure.

    Args:
        shape: a mesh or a cloud, y up; what else :func:`pcea.as_shape` takes becomes one.
        values: (V,) or (N,) a number at each vertex or point, coloured by the figure's map.
        colors: (V, 3), (F, 3) or (N, 3) uint8, instead of values. Default of both: no colours.
        title: what to write above it.
        color_by: whose ``colors`` they are, as for :func:`render`.
    """

    shape: Mesh | Cloud
    values: ArrayLike | Tensor | None = None
    colors: ArrayLike | Tensor | None = None
    title: str = ""
    color_by: Literal["auto", "vertices", "faces"] = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_shape(self.shape))


@dataclass(frozen=True)
class Style:
    """What all panels of a figure have in common.

    Args:
        background: ``"white"``, ``"dark"`` or ``"transparent"``.
        colormap: one of :data:`pcea.pictures.COLORMAPS`.
        low: the value of the map's first colour; default: the least of all panels, or of each.
        high: the value of its last colour; default: the greatest.
        scale: ``"shared"``: a colour means the same value in all panels; ``"each"``: every panel
            has the whole map to itself.
        label: what the values are, beside the colour bar.
        legend: names and their colours (red, green, blue, 0 to 255), written below.
        camera: from where.
        point_size: the radius of a cloud's points, as a share of the shape's.
        width: how wide a panel is in inches; default: one 4, more of them at most 7 together.
        dpi: pixels an inch.
    """

    background: Background = "white"
    colormap: str = "viridis"
    low: float | None = None
    high: float | None = None
    scale: Literal["shared", "each"] = "shared"
    label: str = ""
    legend: Mapping[str, Sequence[int]] = field(default_factory=dict)
    camera: Camera = field(default_factory=Camera)
    point_size: float | None = None
    width: float | None = None
    dpi: int = 200

    @property
    def each_its_own(self) -> bool:
        """Whether every panel has limits of its own."""
        return self.scale == "each" and self.low is self.high is None


def shared_scale(panels: Sequence[Panel], style: Style) -> tuple[float, float] | None:
    """Say between which values the colours of all panels are spread.

    Args:
        panels: all of a figure.
        style: how they look.

    Returns:
        The limits: 0 and 1 where each panel has its own; none where no panel has values.

    Raises:
        InputError: values do not fit their shape, or the scale is none.
    """
    known = [_values(panel).ravel() for panel in panels if panel.values is not None]
    if style.scale not in ("shared", "each"):
        raise InputError(f"a scale is 'shared' or 'each', not {style.scale!r}")
    if not known:
        return None
    if style.each_its_own:
        return 0.0, 1.0
    return limits(np.concatenate(known), style.low, style.high, style.colormap)


def draw_panels(
    rows: Sequence[Sequence[Panel | None]], style: Style, scale: tuple[float, float] | None
) -> list[Array]:
    """Draw each panel, cut to what its row and all columns need.

    Args:
        rows: the panels of a figure.
        style: how they look.
        scale: the limits of the colours, from :func:`shared_scale`.

    Returns:
        (H, W, 3 or 4) uint8 of each panel that is not None, row after row. All have one width,
        those of a row one height.

    Raises:
        InputError: an argument is wrong.
    """
    cut = _cut(rows, style)
    num_columns = max(len(row) for row in rows)
    inches = style.width or (4.0 if num_columns == 1 else min(3.0, max(7.0 / num_columns, 0.8)))
    pixels = max(round(inches * style.dpi), 16)
    side = round(pixels / cut.width)
    if side > LARGEST:
        raise InputError(f"panels of {pixels} pixels are too wide: lower the width or the dpi")
    placed = [(row, panel) for row, own in enumerate(rows) for panel in own if panel]
    # What differs in its colours only is drawn together.
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, (_, panel) in enumerate(placed):
        groups.setdefault(_kind(panel), []).append(index)
    left = round(cut.left * side)
    pictures: dict[int, Array] = {}
    for indices in groups.values():
        panels = [placed[index][1] for index in indices]
        shape, colors = _colored(panels, style, scale)
        drawn = render_each(
            shape,
            colors,
            style.camera,
            (side, side),
            style.background,
            panels[0].color_by,
            style.point_size,
        )
        for index, picture in zip(indices, drawn, strict=True):
            row = placed[index][0]
            top, height = round(cut.top[row] * side), max(round(cut.height[row] * side), 1)
            pictures[index] = picture[top : top + height, left : left + pixels]
    return [pictures[index] for index in range(len(placed))]


@dataclass(frozen=True)
class _Cut:
    """What of the camera's square picture is shown, as shares of it."""

    left: float
    width: float
    top: tuple[float, ...]  # of each row
    height: tuple[float, ...]


def _cut(rows: Sequence[Sequence[Panel | None]], style: Style) -> _Cut:
    known: dict[int, tuple[float, float, float, float]] = {}
    spans: list[tuple[float, float]] = []  # of each row, from top to bottom
    left, right = 1.0, 0.0
    for row in rows:
        top, bottom = 1.0, 0.0
        for shape in (panel.shape for panel in row if panel is not None):
            if id(shape) not in known:
                known[id(shape)] = extent(shape, style.camera, style.point_size)
            own = known[id(shape)]
            left, top = min(left, own[0]), min(top, own[1])
            right, bottom = max(right, own[2]), max(bottom, own[3])
        spans.append((top - MARGIN, bottom + MARGIN) if bottom > top else (0.5, 0.5))
    left, right = left - MARGIN, right + MARGIN
    highest = max(bottom - top for top, bottom in spans)
    width = min(max(right - left, highest / TALLEST), 1.0)
    height = tuple(min(max(low - top, FLATTEST * width), 1.0) for top, low in spans)
    starts = tuple(
        _within((top + low - own) / 2, own) for (top, low), own in zip(spans, height, strict=True)
    )
    return _Cut(_within((left + right - width) / 2, width), width, starts, height)


def _within(start: float, length: float) -> float:
    return min(max(start, 0.0), 1.0 - length)


def _kind(panel: Panel) -> tuple[object, ...]:
    if panel.values is not None:
        if panel.colors is not None:
            raise InputError("a panel has values or colors, not both")
        return id(panel.shape), "values"
    num = None if panel.colors is None else np.shape(panel.colors)[:1]
    return id(panel.shape), num, panel.color_by


def _colored(
    panels: Sequence[Panel], style: Style, scale: tuple[float, float] | None
) -> tuple[Mesh | Cloud, list[ArrayLike | Tensor | None]]:
    """Give panels of one shape their colours; those of values on a mesh that is fine enough."""
    shape = panels[0].shape
    if panels[0].values is None:
        return shape, [panel.colors for panel in panels]
    values = torch.from_numpy(np.stack([_values(panel) for panel in panels], axis=1))
    if isinstance(shape, Mesh):
        shape, values = refine_values(shape, values)
    low, high = (None, None) if scale is None or style.each_its_own else scale
    return shape, [colors_of(own, low, high, style.colormap) for own in values.T]


def _values(panel: Panel) -> Array:
    values = panel.values
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    num = len(panel.shape.vertices) if isinstance(panel.shape, Mesh) else len(panel.shape)
    if array.shape != (num,):
        raise InputError(f"the values of this shape have the shape ({num},), not {array.shape}")
    return array.astype(np.float64)
