"""What an explanation holds, as pictures and as colored shapes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
import trimesh
from matplotlib.figure import Figure
from torch import Tensor

from pcea.errors import InputError
from pcea.explanation import Column, Explanation
from pcea.formats import Cloud, Mesh, write_glb, write_ply
from pcea.geometry import SurfaceCarrier, quantile, upright
from pcea.pictures.colormap import colors_of
from pcea.pictures.figures import gallery, grid
from pcea.pictures.panels import Panel, Style
from pcea.pictures.refine import FineMesh, refine
from pcea.pictures.render import Background
from pcea.pictures.shown import save
from pcea.pictures.turntable import turntable as write_turntable

# From light to dark: a peaked slot leaves most of a shape at the low end, where form stays visible.
COLORMAP = "magma_r"
# Columns of the picture of all layers.
PER_LAYER = 6
# With more faces than this, bringing every column to each vertex and drawing it takes minutes.
HEAVY = 200_000
# Pixels an inch, and pictures a turn.
DPI, FRAMES = 200, 48
# A query point's mark: its color, and its radius in shares of the shape's.
MARK = (214, 39, 40)
MARK_RADIUS = 0.035
SAVED = (
    "gallery.png", "layers.png", "importance.png", "attention.ply", "attention.glb",
    "attention.npz", "turntable.gif",
)  # fmt: skip


def save_explanation(
    found: Explanation,
    folder: str | os.PathLike[str],
    *,
    title: str | None = None,
    background: Background = "white",
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
        background: what is behind the shapes. Default ``white``.
        turntable: whether to write ``turntable.gif``, too. Default false.

    Raises:
        InputError: nothing can be drawn, or a file cannot be written.
    """
    folder, shape = Path(folder), found.shape
    values, high = found.on_shape[:, 0], found.gallery[0].high
    colors = colors_of(values, 0.0, high, COLORMAP)
    pos, faces, normal = (
        (shape.vertices, shape.faces, None)
        if isinstance(shape, Mesh)
        else (shape.pos, None, shape.normal)
    )
    write_ply(folder / "attention.ply", shape.file_pos, colors, faces, normal, attention=values)
    write_glb(
        folder / "attention.glb", pos, faces, colors, folder.name or "shape", offset=shape.offset
    )
    found.save_values(folder / "attention.npz")
    if title is None:
        name, probability = found.best()[0]
        title = f"{shape.name or 'shape'}: {name} ({100 * probability:.1f} %)"
    style = Style(background=background, dpi=DPI)
    pictures = ExplanationPictures(found, title, style)
    save(pictures.gallery(), folder / "gallery.png")
    save(pictures.layers(), folder / "layers.png")
    if found.importance is not None:
        save(pictures.importance(), folder / "importance.png")
    if turntable:
        first = pictures.on_drawn(found.values(found.gallery[:1]))[:, 0]
        write_turntable(
            folder / "turntable.gif",
            pictures.drawn,
            colors_of(first, 0.0, high, COLORMAP),
            FRAMES,
            background=background,
        )


@dataclass(frozen=True, eq=False)
class ExplanationPictures:
    """Figures of one explanation.

    Args:
        found: the explanation.
        title: what stands above each figure.
        style: background and resolution; the colors are the figures' own.
    """

    found: Explanation
    title: str
    style: Style

    def gallery(self) -> Figure:
        """The columns of the gallery, each with its own range of colors."""
        found = self.found
        values = self.on_drawn(found.values(found.gallery))
        panels = [
            self._panel(self.drawn, column, each, column.name)
            for column, each in zip(found.gallery, values.T, strict=True)
        ]
        return gallery(panels, title=self.title, style=self._colored)

    def layers(self) -> Figure:
        """Some columns of every layer; of a mesh of many faces, at the sampled points."""
        found = self.found
        heavy = isinstance(found.shape, Mesh) and len(found.shape.faces) > HEAVY
        shape = found.sample.upright(found.up) if heavy else self.drawn
        rows = []
        for each in found.maps:
            columns = found.columns(each.layer, PER_LAYER)
            values = found.values(columns)
            values = values if heavy else self.on_drawn(values)
            rows.append(
                [
                    self._panel(shape, column, own, each.columns[column.index])
                    for column, own in zip(columns, values.T, strict=True)
                ]
            )
        names = [f"layer {each.layer}" for each in found.maps]
        return grid(rows, names, title=self.title, style=self._colored)

    def importance(self) -> Figure:
        """What decides: where the pooled channels are won, and gradient times input."""
        found = self.found.importance
        if found is None:
            raise InputError("this explanation was made without importance")
        nearby, saliency = self.on_drawn(torch.stack([found.nearby, found.saliency], dim=1)).T
        top = max(float(quantile(nearby, 0.995)), 1e-12)
        reach = max(float(quantile(saliency.abs(), 0.99)), 1e-12)
        panels = [
            Panel(
                self.drawn,
                colors=colors_of(nearby, 0.0, top, COLORMAP),
                title=f"share of the pooled channels won\nup to {top:.1f} × the mean",
            ),
            Panel(
                self.drawn,
                colors=colors_of(saliency, -reach, reach, "coolwarm"),
                title=f"for (red), against (blue) {found.target}\n"
                f"gradient × input, up to ± {reach:.3g}",
            ),
        ]
        return gallery(panels, title=self.title, style=self.style)

    @cached_property
    def _fine(self) -> tuple[Mesh | Cloud, Cloud]:
        found = self.found
        if isinstance(found.shape, Mesh):
            return refine(found.shape, found.sample)
        return found.shape, found.sample

    @cached_property
    def drawn(self) -> Mesh | Cloud:
        """The shape as it is drawn, y up; a mesh of few triangles is cut finer."""
        return self._fine[0].upright(self.found.up)

    @cached_property
    def _carrier(self) -> SurfaceCarrier | Explanation:
        fine, sample = self._fine
        # Where nothing was cut, the explanation knows the way already.
        if isinstance(fine, Cloud) or len(fine.vertices) == len(self.found.on_shape):
            return self.found
        assert sample.face is not None
        return SurfaceCarrier(fine.vertices, fine.faces, sample.pos, sample.face)

    def on_drawn(self, values: Tensor) -> Tensor:
        """Bring values at the points (P, C) to the vertices or points that are drawn."""
        return self._carrier.carry(values)

    @property
    def _colored(self) -> Style:
        label = "share of what the panel goes up to"
        return replace(self.style, colormap=COLORMAP, low=0.0, high=1.0, label=label)

    def _panel(self, shape: Mesh | Cloud, column: Column, values: Tensor, name: str) -> Panel:
        """One column on the shape; where it is what a query point reads, that is marked."""
        share = (values / column.high).clamp(0, 1)
        title = f"{name}\nup to {column.high:.0f} × the mean"
        query = self.found.maps[column.layer].query
        if query is None or column.index == 0:  # the first is what points receive
            return Panel(shape, share, title=title)
        marked, num = with_mark(shape, upright(query[column.index - 1], self.found.up))
        mark = torch.tensor(MARK, dtype=torch.uint8).expand(num, 3)
        colors = torch.cat([colors_of(share, 0.0, 1.0, COLORMAP), mark])
        return Panel(marked, colors=colors, title=title)


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
