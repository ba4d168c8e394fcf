"""The slots that single out parts best, on several shapes of one category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from matplotlib.figure import Figure

from pcea.datasets import PointCloudDataset
from pcea.defaults import TAILS
from pcea.evaluation import SlotFigures, SlotStatistics
from pcea.explanation import explain
from pcea.formats import Cloud
from pcea.models import PointModel
from pcea.pictures.colormaps import limits
from pcea.pictures.explained.base import COLORMAP, DPI
from pcea.pictures.figures import grid
from pcea.pictures.palette import part_colors
from pcea.pictures.panels import Panel, Style

# Shapes and slots in the picture, and votes on each shape.
SHAPES, ROWS, VOTES = 6, 4, 2


def across(
    statistics: SlotStatistics,
    model: PointModel,
    data: PointCloudDataset,
    category: int,
    style: Style | None = None,
) -> Figure:
    """Draw the parts of a category's shapes, and below them the slots that single some out."""
    taxonomy, clouds = data.taxonomy, data.clouds
    own = (clouds.category == category).nonzero()[:, 0]
    picked = own[torch.linspace(0, len(own) - 1, min(SHAPES, len(own))).round().long()].tolist()
    spans = [slice(int(clouds.ptr[i]), int(clouds.ptr[i + 1])) for i in picked]
    normals = [None if clouds.normal is None else clouds.normal[span] for span in spans]
    shapes = [
        Cloud(clouds.pos[span], normal, name=clouds.names[i])
        for i, span, normal in zip(picked, spans, normals, strict=True)
    ]
    ids = taxonomy.parts_of[category] if taxonomy.parts_of else ()
    legend = {}
    rows, titles = [], []
    if clouds.part is not None and ids:
        colors = part_colors(len(taxonomy.parts), taxonomy.parts_of)
        rows.append(
            [
                Panel(shape, colors=colors[clouds.part[span]])
                for shape, span in zip(shapes, spans, strict=True)
            ]
        )
        titles.append("labeled parts")
        legend = {taxonomy.parts[i].rpartition("/")[2]: colors[i].tolist() for i in ids}
    # Shapes of a data set stand: there is nothing to guess.
    found = [explain(model, each, up="y", votes=VOTES, importance=False) for each in shapes]
    for slot, title in _best_slots(statistics, ids):
        columns = [each.maps[slot.layer].values[slot.head, :, slot.slot or 0] for each in found]
        shares = [column / column.mean().clamp(min=1e-30) for column in columns]  # (P,) each
        high = max(limits(torch.cat(shares), 0.0, tails=TAILS)[1], 1e-12)
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


def _best_slots(statistics: SlotStatistics, parts: Sequence[int]) -> list[tuple[SlotFigures, str]]:
    """The slots that single out parts best, or else the most telling, with what to write beside."""
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
