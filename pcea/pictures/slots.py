"""Pictures of what slots single out over a data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pcea.errors import InputError
from pcea.explanation import explain
from pcea.formats import Cloud
from pcea.geometry import quantile
from pcea.pictures.explained import COLORMAP, DPI
from pcea.pictures.figures import grid
from pcea.pictures.palette import part_colors
from pcea.pictures.panels import Panel, Style
from pcea.pictures.shown import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pcea.datasets import PointCloudDataset, Taxonomy
    from pcea.evaluation import SlotFigures, SlotStatistics
    from pcea.models import PointModel

INK, SOFT = "#1c2126", "#5b6570"
# How many of the most telling slots are named in the picture, and the room that a name needs, in
# shares of the picture.
NAMED = 10
ROOM = (0.3, 0.035)
# Categories in the heat map, at most; shapes and slots of one category, and votes on each shape.
COLUMNS, SHAPES, ROWS, VOTES = 4, 6, 4, 2
# What is above this share of a slot's values on all shapes has the last color.
TOP = 0.98


def scatter(statistics: SlotStatistics, title: str = "") -> Figure:
    """Draw each slot at its entropy and at how much it tells.

    Up is telling: normalised mutual information with the parts above what slabs give, or,
    where no parts are labelled, agreement between shapes of a category above that of shapes of
    different ones. Left lies on few points, right lies everywhere. Filled dots are above the 95th
    percentile of chance.

    Args:
        statistics: what was measured.
        title: what to write above. Default: nothing.

    Returns:
        The figure, for :func:`pcea.pictures.save`.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

    by_parts = any(each.lift is not None for each in statistics.slots)
    height = [(each.lift if by_parts else each.gain) for each in statistics.slots]
    figure = Figure(figsize=(8.6, 5.6), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    layers = sorted({each.layer for each in statistics.slots})
    for layer in layers:
        color = colormaps["viridis"](0.85 * layer / max(len(layers) - 1, 1))
        own = [
            (each, y)
            for each, y in zip(statistics.slots, height, strict=True)
            if each.layer == layer and y is not None
        ]
        axes.scatter(
            [each.entropy for each, _ in own],
            [y for _, y in own],
            s=34,
            label=f"layer {layer}",
            facecolors=[
                (*color[:3], 0.8 if each.above_chance is not False else 0.0) for each, _ in own
            ],
            edgecolors=[color],
            linewidths=1.2,
        )
    known = [(y, each) for y, each in zip(height, statistics.slots, strict=True) if y is not None]
    for y, each in _spread(sorted(known, key=lambda pair: -pair[0])):
        right = each.entropy > 0.7
        axes.annotate(
            _short(each), (each.entropy, y), xytext=(-7 if right else 7, 0),
            textcoords="offset points", ha="right" if right else "left", va="center",
            fontsize=8, color=INK, path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )  # fmt: skip
    axes.axhline(0.0, color=SOFT, linewidth=0.8, zorder=0)
    what = "slot" if statistics.kind == "slots" else "head, what points receive"
    axes.set_xlim(0.0, 1.02)
    axes.set_xlabel(f"entropy over the points of a shape (1: everywhere alike), a dot a {what}")
    axes.set_ylabel(
        "mutual information with the parts,\nnormalised, above chance (slabs)"
        if by_parts
        else "agreement within categories above that between them"
    )
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title, fontsize=11, color=INK, loc="left")
    return figure


def heat_map(statistics: SlotStatistics, categories: Sequence[str], title: str = "") -> Figure:
    """Draw how well slots single out the parts of some categories.

    The rows are, for each part, the slot that singles it out best, in the order of the parts.

    Args:
        statistics: what was measured.
        categories: whose parts are the columns.
        title: what to write above. Default: nothing.

    Returns:
        The figure, for :func:`pcea.pictures.save`.

    Raises:
        InputError: the parts of these categories are not labelled.
    """
    from matplotlib.figure import Figure

    taxonomy = statistics.taxonomy
    ids = [
        part
        for category in categories
        for part in taxonomy.parts_of[taxonomy.category_id(category)]
        if not bool(statistics.auc[:, part].isnan().all())
    ]
    if not ids:
        raise InputError(
            f"no part of {', '.join(categories)} is labelled: there is nothing to draw"
        )
    rows = list(dict.fromkeys(statistics.auc[:, ids].nan_to_num(0).argmax(0).tolist()))
    values, chosen = statistics.auc[rows][:, ids], [statistics.slots[row] for row in rows]
    # The title and the bar's label want room, however few parts there are.
    size = (max(5.0, 3.0 + 0.36 * len(ids)), max(3.8, 2.4 + 0.26 * len(chosen)))
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    image = axes.imshow(values.numpy(), vmin=0, vmax=1, cmap="coolwarm", aspect="auto")
    axes.set_xticks(range(len(ids)), [taxonomy.parts[i] for i in ids], rotation=60, ha="right",
                    rotation_mode="anchor", fontsize=8)  # fmt: skip
    axes.set_yticks(range(len(chosen)), [each.name for each in chosen], fontsize=8)
    groups = [taxonomy.parts[i].partition("/")[0] for i in ids]
    for column in range(1, len(ids)):
        if groups[column] != groups[column - 1]:
            axes.axvline(column - 0.5, color="white", linewidth=3)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
    bar.set_label("area under the ROC curve (0.5: chance)", fontsize=8)
    bar.ax.tick_params(length=0, labelsize=8)
    bar.outline.set_visible(False)
    if title:
        axes.set_title(title, fontsize=10, color=INK, loc="left")
    return figure


def save_slots(
    statistics: SlotStatistics,
    model: PointModel,
    data: PointCloudDataset,
    folder: str | os.PathLike[str],
    category: str | None = None,
    style: Style | None = None,
) -> list[str]:
    """Draw what slots mean over a data set.

    ``slots.png`` shows every slot, ``parts.png`` which slot singles out which part, and
    ``across.png`` the best slots on shapes of one category.

    Args:
        statistics: what :func:`pcea.evaluation.measure_slots` found of the model on the data.
        model: the model.
        data: the data set.
        folder: where to write.
        category: whose shapes to draw. Default: the category that has the most.
        style: background and resolution of ``across.png``; its colors are its own.

    Returns:
        The names of the files: those for which there is something to draw.
    """
    folder, names = Path(folder), data.taxonomy.categories
    title = f"{model.info.name} on {data.name} {data.split}, {statistics.clouds} clouds"
    save(scatter(statistics, title), folder / "slots.png")
    written = ["slots.png"]
    counts = data.clouds.category.bincount(minlength=len(names)).tolist()
    chosen = [i for i in sorted(range(len(names)), key=lambda i: -counts[i])[:COLUMNS] if counts[i]]
    if category is not None:
        chosen = [data.taxonomy.category_id(category)]
    parts = [part for i in chosen for part in _parts_of(data.taxonomy, i)]
    if not bool(statistics.auc[:, parts].isnan().all()):
        title = "For each part, the slot that singles it out best"
        save(heat_map(statistics, [names[i] for i in chosen], title), folder / "parts.png")
        written.append("parts.png")
    if counts[chosen[0]]:
        save(across(statistics, model, data, chosen[0], style), folder / "across.png")
        written.append("across.png")
    return written


def across(
    statistics: SlotStatistics,
    model: PointModel,
    data: PointCloudDataset,
    category: int,
    style: Style | None = None,
) -> Figure:
    """Draw the parts of a category's shapes, and below them the slots that single some out.

    Args:
        statistics: what was measured.
        model: the model.
        data: the data set.
        category: the id of the category.
        style: as for :func:`save_slots`.
    """
    taxonomy, clouds = data.taxonomy, data.clouds
    own = (clouds.category == category).nonzero()[:, 0]
    picked = own[torch.linspace(0, len(own) - 1, min(SHAPES, len(own))).round().long()].tolist()
    spans = [slice(int(clouds.ptr[i]), int(clouds.ptr[i + 1])) for i in picked]
    normals = [None if clouds.normal is None else clouds.normal[span] for span in spans]
    shapes = [
        Cloud(clouds.pos[span], normal, name=clouds.names[i])
        for i, span, normal in zip(picked, spans, normals, strict=True)
    ]
    ids, legend = _parts_of(taxonomy, category), {}
    rows, titles = [], []
    if clouds.part is not None and ids:
        colors = part_colors(len(taxonomy.parts), taxonomy.parts_of)
        rows.append(
            [
                Panel(shape, colors=colors[clouds.part[span]])
                for shape, span in zip(shapes, spans, strict=True)
            ]
        )
        titles.append("labelled parts")
        legend = {taxonomy.parts[i].rpartition("/")[2]: colors[i].tolist() for i in ids}
    # Shapes of a data set stand: there is nothing to guess.
    found = [explain(model, each, up="y", votes=VOTES, importance=False) for each in shapes]
    for slot, title in _best_slots(statistics, ids):
        columns = [each.maps[slot.layer].values[slot.head, :, slot.slot or 0] for each in found]
        shares = [column / column.mean().clamp(min=1e-30) for column in columns]  # (P,) each
        high = max(float(quantile(torch.cat(shares), TOP)), 1e-12)
        rows.append(
            [
                Panel(shape, each.carry(share[:, None] / high).clamp(0, 1)[:, 0])
                for shape, each, share in zip(shapes, found, shares, strict=True)
            ]
        )
        titles.append(title)
    style = replace(
        style or Style(dpi=DPI),
        colormap=COLORMAP,
        low=0.0,
        high=1.0,
        label="share of the row's top value",
        legend=legend,
        point_size=0.03,  # so that a cloud of two thousand points has no gaps
    )
    name = f"{model.info.name} on {taxonomy.categories[category]}, {data.split} split"
    return grid(rows, titles, title=name, style=style)


def _parts_of(taxonomy: Taxonomy, category: int) -> tuple[int, ...]:
    """The part ids of a category; none where parts are not labelled."""
    return taxonomy.parts_of[category] if taxonomy.parts_of else ()


def _best_slots(statistics: SlotStatistics, parts: Sequence[int]) -> list[tuple[SlotFigures, str]]:
    """The slots that single out parts best, no two the same part; without parts the most telling.

    Returns:
        Each with what to write beside it.
    """
    auc = statistics.auc[:, list(parts)].nan_to_num(0)
    if not bool(auc.any()):
        return [(each, each.name) for each in statistics.telling()[:ROWS]]
    best = auc.max(0)
    chosen: dict[int, str] = {}
    for i in best.values.argsort(descending=True).tolist():
        slot = statistics.slots[int(best.indices[i])]
        part = statistics.taxonomy.parts[parts[i]].rpartition("/")[2]
        chosen.setdefault(
            int(best.indices[i]), f"{slot.name}\n{part}: AUC {float(best.values[i]):.2f}"
        )
    return [(statistics.slots[slot], title) for slot, title in list(chosen.items())[:ROWS]]


def _spread(known: list[tuple[float, SlotFigures]]) -> list[tuple[float, SlotFigures]]:
    """The first of each part, whose names do not lie on those before."""
    spans = [
        max(values) - min(values) or 1.0
        for values in ([each.entropy for _, each in known], [y for y, _ in known])
    ]
    named: list[tuple[float, SlotFigures]] = []
    for y, each in known:
        fits = all(
            abs(each.entropy - other.entropy) > ROOM[0] * spans[0]
            or abs(y - below) > ROOM[1] * spans[1]
            for below, other in named
        )
        new = each.part is None or all(each.part != other.part for _, other in named)
        if fits and new and len(named) < NAMED:
            named.append((y, each))
    return named


def _short(slot: SlotFigures) -> str:
    name = "received" if slot.slot is None else f"slot {slot.slot}"
    best = "" if slot.part is None else f": {slot.part}"
    return f"{name}{best}"
