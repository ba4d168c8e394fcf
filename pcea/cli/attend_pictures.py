"""The pictures of single shapes that ``pcea attend`` writes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from pcea.cli.attend_options import AttendOptions
from pcea.cli.attend_seen import COLORMAP, Attended, Column
from pcea.formats import Cloud, Mesh
from pcea.geometry import quantile, upright
from pcea.pictures.colormap import colors_of
from pcea.pictures.figures import gallery, grid
from pcea.pictures.panels import Panel, Style
from pcea.pictures.refine import FineMesh, refine
from pcea.pictures.shown import save

# Pixels an inch, and pictures a turn.
DPI, FRAMES = 200, 48
# A query point's mark: its colour, and its radius in shares of the shape's.
MARK = (214, 39, 40)
MARK_RADIUS = 0.035
BAR = "share of what the panel goes up to"


def write_pictures(seen: Attended, target: Path, options: AttendOptions, heading: str) -> None:
    """Draw the gallery, the layers and the importance of a shape.

    Args:
        seen: the shape and what was seen on it.
        target: the folder to write to.
        options: background and renderer, and whether to write a turntable.
        heading: what to write above the pictures.
    """
    shape = seen.fine.upright(seen.look.up)
    style = Style(
        background=options.background,
        colormap=COLORMAP,
        low=0.0,
        high=1.0,
        label=BAR,
        renderer=options.renderer,
        dpi=DPI,
    )
    panels = [
        panel(seen, shape, column, values, column.name)
        for column, values in zip(seen.gallery, seen.values.T, strict=True)
    ]
    save(gallery(panels, title=heading, style=style), target / "gallery.png")
    small = shape if seen.small is seen.fine else seen.small.upright(seen.look.up)
    rows = [
        [
            panel(seen, small, column, values, seen.look.maps[column.layer].columns[column.index])
            for column, values in zip(seen.layers, seen.layer_values.T, strict=True)
            if column.layer == each.layer
        ]
        for each in seen.look.maps
    ]
    names = [f"layer {each.layer}" for each in seen.look.maps]
    save(grid(rows, names, title=heading, style=style), target / "layers.png")
    save(
        gallery(importance_panels(seen, shape), title=heading, style=style),
        target / "importance.png",
    )
    if options.turntable:
        from pcea.pictures.turntable import turntable

        colors = colors_of(seen.values[:, 0], 0.0, seen.gallery[0].high, COLORMAP)
        turntable(
            target / "turntable.gif",
            shape,
            colors,
            FRAMES,
            background=options.background,
            renderer=options.renderer,
        )


def panel(seen: Attended, shape: Mesh | Cloud, column: Column, values: Tensor, name: str) -> Panel:
    """One column on the shape; where it is what a query point reads, that is marked."""
    share = (values / column.high).clamp(0, 1)
    title = f"{name}\nup to {column.high:.0f} × the mean"
    query = query_of(seen, column)
    if query is None:
        return Panel(shape, share, title=title)
    marked, num = with_mark(shape, query)
    colors = torch.cat(
        [
            colors_of(share, 0.0, 1.0, COLORMAP),
            torch.tensor(MARK, dtype=torch.uint8).expand(num, 3),
        ]
    )
    return Panel(marked, colors=colors, title=title)


def query_of(seen: Attended, column: Column) -> Tensor | None:
    """The query point (3,) of a column, y up; None where it has none."""
    query = seen.look.maps[column.layer].query
    if query is None or column.index == 0:  # the first is what points receive
        return None
    return upright(query[column.index - 1], seen.look.up)


def with_mark(shape: Mesh | Cloud, place: Tensor) -> tuple[Mesh | Cloud, int]:
    """The shape with a small ball on it, and how many vertices or points that has."""
    pos = shape.vertices if isinstance(shape, Mesh) else shape.pos
    radius = MARK_RADIUS * float((pos.amax(0) - pos.amin(0)).norm()) / 2
    outward, faces = octahedral_ball()
    joined = torch.cat([pos, outward * radius + place])
    if isinstance(shape, Cloud):
        normal = None if shape.normal is None else torch.cat([shape.normal, outward])
        return Cloud(joined, normal, name=shape.name), len(outward)
    every = torch.cat([shape.faces, faces + len(pos)])
    if not isinstance(shape, FineMesh) or shape.corner_normal is None:
        return Mesh(joined, every, shape.name), len(outward)
    light = torch.cat([shape.corner_normal, outward[faces]])
    return FineMesh(joined, every, shape.name, corner_normal=light), len(outward)


def octahedral_ball(cuts: int = 3) -> tuple[Tensor, Tensor]:
    """A unit sphere of triangles: an octahedron, each face cut into four, again and again."""
    axes = torch.eye(3)
    vertices = torch.cat([axes, -axes])
    faces = torch.tensor(
        [[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]]
    )
    mesh = Mesh(vertices, faces)
    fine, _ = refine(mesh, mesh.sample(1), len(faces) * 4**cuts)
    return torch.nn.functional.normalize(fine.vertices, dim=1), fine.faces


def importance_panels(seen: Attended, shape: Mesh | Cloud) -> list[Panel]:
    """What decides the answer: where the pooled channels are won, and gradient times input."""
    top = max(float(quantile(seen.critical, 0.995)), 1e-12) if len(seen.critical) else 1.0
    reach = max(float(quantile(seen.saliency.abs(), 0.99)), 1e-12)
    target = seen.weighed.target
    return [
        Panel(
            shape,
            colors=colors_of(seen.critical, 0.0, top, COLORMAP),
            title=f"who wins the pooled channels\nup to {top:.1f} × the mean",
        ),
        Panel(
            shape,
            colors=colors_of(seen.saliency, -reach, reach, "coolwarm"),
            title=f"for (red), against (blue) {target}\ngradient × input, up to ± {reach:.3g}",
        ),
    ]
