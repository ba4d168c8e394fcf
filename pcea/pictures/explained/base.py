"""The shape of an explanation as its pictures draw it, and the registry of these pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import trimesh
from matplotlib.figure import Figure
from torch import Tensor

from pcea.explanation import Column, Explanation
from pcea.formats import Cloud, Mesh
from pcea.geometry import upright
from pcea.pictures.colormaps import colors_of
from pcea.pictures.panels import Panel, Style
from pcea.pictures.refine import FineMesh, Refined
from pcea.registry import Registry

# From light to dark: a peaked slot leaves most of a shape at the low end, where form stays visible.
COLORMAP = "magma_r"
DPI = 200
# A query point's mark: its color, and its radius in shares of the shape's.
MARK = (214, 39, 40)
MARK_RADIUS = 0.035


@dataclass(frozen=True, eq=False)
class DrawnExplanation:
    """An explanation on the shape as it is drawn.

    Args:
        found: the explanation.
        title: what stands above each figure.
        style: background and resolution; the colors are the figures' own.
    """

    found: Explanation
    title: str
    style: Style

    @cached_property
    def _refined(self) -> Refined:
        return Refined(self.found)

    @cached_property
    def shape(self) -> Mesh | Cloud:
        """The shape as it is drawn, y up; a mesh of few triangles is cut finer."""
        return self._refined.shape.upright(self.found.up)

    def carry(self, values: Tensor) -> Tensor:
        """Bring values at the points (P, C) to the vertices or points that are drawn."""
        return self._refined.carry(values)

    @property
    def colored(self) -> Style:
        """The style of panels of columns."""
        label = "share of what the panel goes up to"
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
            share = (own / column.high).clamp(0, 1)
            title = f"{name}\nup to {column.high:.0f} × the mean"
            query = self.found.maps[column.layer].query
            if query is None or column.index == 0:  # the first is what points receive
                panels.append(Panel(shape, share, title=title))
                continue
            marked, num = with_mark(shape, upright(query[column.index - 1], self.found.up))
            mark = torch.tensor(MARK, dtype=torch.uint8).expand(num, 3)
            colors = torch.cat([colors_of(share, 0.0, 1.0, COLORMAP), mark])
            panels.append(Panel(marked, colors=colors, title=title))
        return panels


# A picture gives its figure, or None where the explanation has nothing for it.
Picture = Callable[[DrawnExplanation], Figure | None]
PICTURES: Registry[Picture] = Registry("picture", "pcea.pictures")
register_picture = PICTURES.register


def with_mark(shape: Mesh | Cloud, place: Tensor) -> tuple[Mesh | Cloud, int]:
    """Put a small ball on a shape, and say how many vertices or points that has."""
    pos = shape.vertices if isinstance(shape, Mesh) else shape.pos
    radius = MARK_RADIUS * float((pos.amax(0) - pos.amin(0)).norm()) / 2
    ball = trimesh.creation.icosphere(subdivisions=3)
    outward, faces = torch.tensor(ball.vertices).float(), torch.tensor(ball.faces)
    joined = torch.cat([pos, outward * radius + place])
    if isinstance(shape, Cloud):
        normal = None if shape.normal is None else torch.cat([shape.normal, outward])
        return Cloud(joined, normal, name=shape.name), len(outward)
    every = torch.cat([shape.faces, faces + len(pos)])
    if not isinstance(shape, FineMesh):
        return Mesh(joined, every, shape.name), len(outward)
    light = torch.cat([shape.corner_normal, outward[faces]])
    return FineMesh(joined, every, shape.name, corner_normal=light), len(outward)
