"""The slots that single out parts best, on several shapes of one category."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from matplotlib.figure import Figure

from pcea.defaults import TAILS
from pcea.evaluation import SlotFigures, SlotStatistics
from pcea.explanation import explain
from pcea.formats import Cloud
from pcea.pictures.colormaps import limits
from pcea.pictures.explained import COLORMAP
from pcea.pictures.figures import Panel, grid
from pcea.pictures.palette import part_colors
from pcea.pictures.slots import DrawnSlots, register_slot_picture

# Shapes and slots in the picture, and votes on each shape.
SHAPES, ROWS, VOTES = 6, 4, 2


@register_slot_picture("across")
def across(drawn: DrawnSlots) -> Figure | None:
    """Draw shapes of the first category by part, and below them the slots that single parts out.

    There is no picture where the data set has no shape of that category.
    """
    model, data, category = drawn.model, drawn.data, drawn.categories[0]
    taxonomy = data.taxonomy
    own = (data.clouds.category == category).nonzero()[:, 0]
    if not len(own):
        return None
    picked = own[torch.linspace(0, len(own) - 1, min(SHAPES, len(own))).round().long()].tolist()
    clouds = [*data.clouds[picked]]
    shapes = [Cloud(each.pos, each.normal, name=each.names[0]) for each in clouds]
    ids = taxonomy.parts_of[category] if taxonomy.parts_of else ()
    rows, titles, legend = [], [], {}
    if data.clouds.part is not None and ids:
        colors = part_colors(len(taxonomy.parts), taxonomy.parts_of)
        pairs = zip(shapes, clouds, strict=True)
        rows.append([Panel(shape, colors=colors[each.part]) for shape, each in pairs])
        titles.append("labeled parts")
        legend = {taxonomy.parts[i].rpartition("/")[2]: colors[i].tolist() for i in ids}
    # The shapes of a data set have y up, so the up axis is not guessed.
    found = [explain(model, each, up="y", votes=VOTES, importance=False) for each in shapes]
    for slot, title in _best_slots(drawn.statistics, ids):
        columns = [each.maps[slot.layer].values[slot.head, :, slot.slot or 0] for each in found]
        shares = [column / column.mean().clamp(min=1e-30) for column in columns]  # (P,) each
        high = max(limits(torch.cat(shares), 0.0, tails=TAILS)[1], 1e-12)
        carried = [
            each.carry(share[:, None] / high)[:, 0]
            for each, share in zip(found, shares, strict=True)
        ]
        rows.append([Panel(*each) for each in zip(shapes, carried, strict=True)])
        titles.append(title)
    style = replace(
        drawn.style,
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
    """Choose the slots that single out parts best, or else the most telling, with titles."""
    auc = statistics.auc[:, list(parts)].nan_to_num(0)
    if not auc.any():
        return [(each, each.name) for each in statistics.telling()[:ROWS]]
    best, chosen = auc.max(0), dict[int, str]()
    for i in best.values.argsort(descending=True).tolist():
        slot, part = int(best.indices[i]), statistics.taxonomy.parts[parts[i]].rpartition("/")[2]
        name = f"{statistics.slots[slot].name}\n{part}: AUC {float(best.values[i]):.2f}"
        chosen.setdefault(slot, name)
    return [(statistics.slots[slot], title) for slot, title in list(chosen.items())[:ROWS]]
