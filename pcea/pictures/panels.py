"""Panels of a figure: what is in them, how they are drawn, and their pictures."""

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
from pcea.pictures.colormaps import colors_of, limits
from pcea.pictures.raycast import Renderer
from pcea.pictures.refine import refine_values
from pcea.pictures.render import LARGEST, Background, render_each
from pcea.pictures.scene import extent

# A panel is no higher than this times its width, and no lower than that.
TALLEST, FLATTEST = 1.35, 0.3
MARGIN = 0.012  # around the shapes, as a share of the camera's picture


@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """One picture in a figure.

    Args:
        shape: a mesh or a cloud, y up; what else :func:`pcea.as_shape` takes becomes one.
        values: (V,) or (N,) a number at each vertex or point, colored by the figure's map.
        colors: (V, 3), (F, 3) or (N, 3) uint8, instead of values.
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

    def __repr__(self) -> str:
        what = "plain" if self.colors is None else "colors"
        what = what if self.values is None else "values"
        return f"Panel({self.shape!r}, {what})"


@dataclass(frozen=True)
class Style:
    """What all panels of a figure have in common.

    Args:
        background: ``"white"``, ``"dark"`` or ``"transparent"``.
        colormap: one of :data:`pcea.pictures.COLORMAPS`.
        low: the value of the map's first color. Default: the least of all panels, or of each.
        high: the value of its last color. Default: the greatest.
        scale: ``"shared"``: a color means one value in all panels; ``"each"``: each has all colors.
        label: what the values are, beside the color bar.
        legend: names and their colors (red, green, blue, 0 to 255), written below.
        camera: from where.
        renderer: who finds the triangles of meshes, as for :func:`render`.
        point_size: the radius of a cloud's points, as a share of the shape's.
        width: how wide a panel is in inches. Default: one 4, more of them at most 7 together.
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
    renderer: Renderer = "auto"
    point_size: float | None = None
    width: float | None = None
    dpi: int = 200

    @property
    def each_its_own(self) -> bool:
        """Whether every panel has limits of its own."""
        return self.scale == "each" and self.low is self.high is None


def shared_scale(panels: Sequence[Panel], style: Style) -> tuple[float, float] | None:
    """Choose the range of the colors: 0 and 1 where each panel has its own, None without values."""
    known = [_values(panel) for panel in panels if panel.values is not None]
    if style.scale not in ("shared", "each"):
        raise InputError(f"a scale is 'shared' or 'each', not {style.scale!r}")
    if not known:
        return None
    if style.each_its_own:
        return 0.0, 1.0
    return limits(np.concatenate(known), style.low, style.high, style.colormap)


def draw_panels(
    rows: Sequence[Sequence[Panel | None]], style: Style, scale: tuple[float, float] | None
) -> list[list[Array | None]]:
    """Draw each panel, cut to what its row and all columns need.

    Pictures are (H, W, 3 or 4) uint8, all of one width and those of a row of one height.
    """
    left, width, spans = _cut(rows, style)
    num_columns = max(len(row) for row in rows)
    inches = style.width or (4.0 if num_columns == 1 else min(3.0, max(7.0 / num_columns, 0.8)))
    pixels = max(round(inches * style.dpi), 16)
    side = round(pixels / width)
    if side > LARGEST:
        raise InputError(f"panels of {pixels} pixels are too wide: lower the width or the dpi")
    # What differs in its colors only is drawn together.
    groups: dict[tuple[object, ...], list[tuple[int, int, Panel]]] = {}
    for i, row in enumerate(rows):
        for j, panel in enumerate(row):
            if panel is not None:
                groups.setdefault(_kind(panel), []).append((i, j, panel))
    pictures: list[list[Array | None]] = [[None] * len(row) for row in rows]
    start = round(left * side)
    for group in groups.values():
        panels = [panel for _, _, panel in group]
        shape, colors = _colored(panels, style, scale)
        options = style.background, style.renderer, panels[0].color_by, style.point_size
        drawn = render_each(shape, colors, style.camera, (side, side), *options)
        for (i, j, _), picture in zip(group, drawn, strict=True):
            top, height = round(spans[i][0] * side), max(round(spans[i][1] * side), 1)
            pictures[i][j] = picture[top : top + height, start : start + pixels]
    return pictures


def _cut(
    rows: Sequence[Sequence[Panel | None]], style: Style
) -> tuple[float, float, list[tuple[float, float]]]:
    """What to show, in shares of a picture: left end and width, and each row's top and height."""
    shapes = {id(each.shape): each.shape for row in rows for each in row if each is not None}
    extents = {key: extent(shape, style.camera, style.point_size) for key, shape in shapes.items()}
    boxes = [
        np.array([extents[id(each.shape)] for each in row if each is not None]).reshape(-1, 4)
        for row in rows
    ]
    every = np.concatenate(boxes)
    left, right = every[:, 0].min() - MARGIN, every[:, 2].max() + MARGIN
    ends = [
        (own[:, 1].min() - MARGIN, own[:, 3].max() + MARGIN) if len(own) else (0.5, 0.5)
        for own in boxes
    ]
    width = min(max(right - left, max(low - top for top, low in ends) / TALLEST), 1.0)
    spans = [
        _within((top + low) / 2, min(max(low - top, FLATTEST * width), 1.0)) for top, low in ends
    ]
    return *_within((left + right) / 2, width), spans


def _within(middle: float, length: float) -> tuple[float, float]:
    """The start of a span that lies in 0 to 1, and its length."""
    return min(max(middle - length / 2, 0.0), 1.0 - length), length


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
    """Give panels of one shape their colors; those of values on a mesh that is fine enough."""
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
