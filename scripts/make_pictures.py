#!/usr/bin/env python3
"""Draw the README's picture: what a trained part segmenter makes of the sample meshes.

    python scripts/make_pictures.py RUN [--out docs/pictures]

RUN is a folder that `pcea train shapes-seg` wrote. The first row shows the parts that the model
finds, the rows below how two slots of its external attention share themselves out over the same
shapes. The same weights always give the same picture.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter
from matplotlib.transforms import Bbox
from torch import Tensor

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read, replacing
from pcea.geometry import three_interpolate, unit_sphere
from pcea.models import Segmenter, load_model
from pcea.pictures.palette import part_colors

ROOT = Path(__file__).parents[1]
SAMPLES = ("airplane.off", "animal.ply", "chair.obj", "lamp.glb", "mug.stl", "table.ply")
# Enough dots for a closed surface.
NUM_DOTS = 20_000
# Where the viewer stands: degrees to the right of the shape's front, and above it.
YAW, PITCH = 35.0, 22.0
INK, SOFT = "#1c2126", "#5b6570"
# How many times a shape's mean attention has the last colour.
LARGEST_LIFT = 10.0
# Perceptually uniform; its dark end would hide the shading.
COLORS = ListedColormap(matplotlib.colormaps["magma_r"](np.linspace(0.0, 0.88, 256)))


def main() -> None:
    """Draw the picture from the run that the command line names."""
    parser = argparse.ArgumentParser(description="Draw the README's picture.")
    parser.add_argument("run", type=Path, help="run folder of a part segmenter")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="folder")
    wanted = parser.parse_args()
    try:
        file = draw(wanted.run, wanted.out)
    except InputError as error:
        print(f"make_pictures: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print(file)


def draw(run: Path, out: Path) -> Path:
    """Draw ``parts.png`` into a folder and return its path.

    Raises:
        InputError: the run holds no part segmenter with external attention.
    """
    model = load_model(run)
    if not isinstance(model, Segmenter):
        raise InputError(f"{run} holds {model.info.name!r}, which is no part segmenter")
    if model.encoder.layers[-1].attention.map_kind != "slots":
        raise InputError(f"{run}: its attention has no slots to draw")
    clouds = [sample(ROOT / "data" / "samples" / name) for name in SAMPLES]
    figure = Figure(figsize=(12.4, 7.0), dpi=108, facecolor="white")
    grid = figure.add_gridspec(
        4, len(clouds), left=0.06, right=0.91, top=0.955, bottom=0.005, wspace=0.04, hspace=0.03,
        height_ratios=(1, 0.3, 1, 1),
    )  # fmt: skip
    for column, cloud in enumerate(clouds):
        axes = figure.add_subplot(grid[0, column]), figure.add_subplot(grid[1, column])
        draw_parts(*axes, model, cloud)
    layer = len(model.encoder.layers) - 1
    lifts = [slot_lifts(model, cloud, layer) for cloud in clouds]
    slots = choose_slots(clouds, lifts, 2)
    scale = Normalize(0.0, LARGEST_LIFT, clip=True)
    for row, slot in enumerate(slots):
        for cloud, lift, column in zip(clouds, lifts, range(len(clouds)), strict=True):
            colors = torch.from_numpy(COLORS(scale(lift[:, slot].numpy())))[:, :3]
            scatter(figure.add_subplot(grid[2 + row, column]), cloud, colors, shade=0.15)
    titles = {0: "predicted part"}
    titles |= {2 + row: f"layer {layer + 1}, slot {slot + 1}" for row, slot in enumerate(slots)}
    for row, title in titles.items():
        box = grid[row, 0].get_position(figure)
        middle = (box.y0 + box.y1) / 2
        figure.text(0.03, middle, title, rotation=90, ha="center", va="center", color=SOFT, size=12)
    draw_scale(figure, scale, grid[3, -1].get_position(figure), grid[2, -1].get_position(figure))
    return save(figure, out / "parts.png")


def sample(file: Path) -> Cloud:
    """Dots on a mesh, in the unit sphere."""
    mesh = read(file)
    assert isinstance(mesh, Mesh)
    cloud = mesh.sample(NUM_DOTS)
    return Cloud(unit_sphere(cloud.pos), cloud.normal, name=file.name)


def draw_parts(axes: Axes, below: Axes, model: Segmenter, cloud: Cloud) -> None:
    """Draw a cloud coloured by the part that the model gives each dot, and name the parts below."""
    taxonomy = model.info.taxonomy
    found = model.segment(cloud)
    palette = part_colors(len(taxonomy.parts), taxonomy.parts_of) / 255
    scatter(axes, cloud, palette[found.part], shade=0.45)
    axes.set_title(f"{cloud.name}: {found.category}", size=12, color=INK, pad=5)
    handles = [
        Line2D([], [], ls="", marker="o", ms=7, color=palette[part].tolist(), label=name)
        for part in found.part.unique().tolist()
        for name in [taxonomy.parts[part].rpartition("/")[2]]
    ]
    below.legend(
        handles=handles, loc="upper center", ncols=2, frameon=False, fontsize=11, borderpad=0,
        borderaxespad=0.3, labelcolor=INK, handletextpad=0.0, columnspacing=0.7, labelspacing=0.3,
    )  # fmt: skip
    below.axis("off")


def slot_lifts(model: Segmenter, cloud: Cloud, layer: int) -> Tensor:
    """How much of each dot's attention goes to each slot, (N, S), in shares of the shape's mean."""
    # The model is shown as many points as in training; the dots lie between them.
    seen = cloud.sample(model.info.num_points)
    share = model.attention(seen)[layer]  # (n, S)
    lift = share / share.mean(0).clamp(min=1e-12)
    return three_interpolate(cloud.pos[None], seen.pos[None], lift[None])[0]


def choose_slots(clouds: list[Cloud], lifts: list[Tensor], num: int) -> list[int]:
    """Choose slots that dwell on few points, on the viewer's side, and not on the same ones.

    Of the quarter of slots whose attention has the lowest entropy over the points, those come
    first that have most of it on dots that face the viewer.
    """
    entropy, facing = 0.0, 0.0
    for cloud, lift in zip(clouds, lifts, strict=True):
        weight = lift / lift.sum(0).clamp(min=1e-12)  # (N, S)
        entropy = entropy - torch.xlogy(weight, weight).sum(0)  # (S,)
        facing = facing + weight[toward_viewer(cloud) > 0].sum(0)
    focused = torch.as_tensor(entropy).argsort(stable=True)[: len(lifts[0].T) // 4]
    focused = focused[torch.as_tensor(facing)[focused].argsort(descending=True, stable=True)]
    pattern = torch.nn.functional.normalize(torch.cat(lifts), dim=0)  # (all N, S)
    chosen: list[int] = []
    for slot in focused.tolist():
        alike = [float(pattern[:, slot] @ pattern[:, other]) for other in chosen]
        if len(chosen) < num and max(alike, default=0.0) < 0.3:
            chosen.append(slot)
    return chosen


def view() -> Tensor:
    """The rotation, (3, 3), that turns a shape towards the viewer, who looks along -z."""
    yaw, pitch = -math.radians(YAW), math.radians(PITCH)
    about_y = [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    about_x = [
        [1, 0, 0],
        [0, math.cos(pitch), -math.sin(pitch)],
        [0, math.sin(pitch), math.cos(pitch)],
    ]
    return torch.tensor(about_x) @ torch.tensor(about_y)


def toward_viewer(cloud: Cloud) -> Tensor:
    """(N,) cosine between each normal and the way to the viewer."""
    assert cloud.normal is not None
    return (cloud.normal @ view().T)[:, 2]


def scatter(axes: Axes, cloud: Cloud, colors: Tensor, shade: float) -> None:
    """Draw dots without perspective, the nearest on top; what turns away or is far is darker."""
    x, y, depth = (cloud.pos @ view().T).T  # (N,) each
    nearness = (depth - depth.min()) / (depth.max() - depth.min())
    dark = shade * (0.75 * (1 - toward_viewer(cloud).abs()) + 0.25 * (1 - nearness))
    order = depth.argsort(stable=True)
    shown = (colors * (1 - dark).unsqueeze(1)).clamp(0, 1)[order]
    axes.scatter(x[order].numpy(), y[order].numpy(), s=9, c=shown.numpy(), linewidths=0)
    half = 0.52 * float(max(x.max() - x.min(), y.max() - y.min()))
    for middle, limit in ((x, axes.set_xlim), (y, axes.set_ylim)):
        centre = float(middle.max() + middle.min()) / 2
        limit(centre - half, centre + half)
    axes.set_aspect("equal")
    axes.axis("off")


def draw_scale(figure: Figure, scale: Normalize, lowest: Bbox, highest: Bbox) -> None:
    """Draw the colour bar of the attention rows beside them."""
    height = 0.6 * (highest.y1 - lowest.y0)
    bottom = (highest.y1 + lowest.y0 - height) / 2
    axes = figure.add_axes((0.93, bottom, 0.011, height))
    bar = figure.colorbar(ScalarMappable(scale, COLORS), cax=axes, extend="max")
    bar.ax.yaxis.set_major_formatter(FormatStrFormatter("%g×"))
    bar.ax.tick_params(length=0, labelsize=11, labelcolor=SOFT)
    bar.set_label("attention ÷ the shape's mean", size=12, color=SOFT)
    bar.outline.set_visible(False)


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG that names no version of what drew it."""
    with replacing(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})
    return path


if __name__ == "__main__":
    main()
