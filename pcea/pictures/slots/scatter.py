"""Draw every slot as a dot: its entropy, and how much it tells."""

from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from pcea.evaluation import SlotFigures
from pcea.pictures.charts import INK, SOFT
from pcea.pictures.slots import DrawnSlots, register_slot_picture

# How many of the most telling slots are named in the picture, and the width and height that a name
# needs, as shares of the picture.
NAMED = 10
ROOM = (0.45, 0.035)


@register_slot_picture("slots")
def scatter(drawn: DrawnSlots) -> Figure:
    """Draw each slot at its entropy and at how much it tells.

    The height is the normalized mutual information with the parts, less that of slabs; without
    labeled parts, it is the agreement between shapes of a category, less that between categories.
    Slots on the left lie on few points, those on the right everywhere. Filled dots are above the
    95th percentile of chance.
    """
    statistics, data = drawn.statistics, drawn.data
    by_parts = any(each.lift is not None for each in statistics.slots)
    heights = [(each.lift if by_parts else each.gain, each) for each in statistics.slots]
    known = [(y, each) for y, each in heights if y is not None]
    figure = Figure(figsize=(8.6, 5.6), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    layers = sorted({each.layer for each in statistics.slots})
    for layer in layers:
        color = colormaps["viridis"](0.85 * layer / max(len(layers) - 1, 1))[:3]
        own = [(y, each) for y, each in known if each.layer == layer]
        axes.scatter(
            [each.entropy for _, each in own],
            [y for y, _ in own],
            s=34,
            label=f"layer {layer}",
            facecolors=[(*color, 0.0 if each.above_chance is False else 0.8) for _, each in own],
            edgecolors=[color],
            linewidths=1.2,
        )
    for y, each in _named(known):
        right, part = each.entropy > 0.7, "" if each.part is None else f": {each.part}"
        axes.annotate(
            ("received" if each.slot is None else f"slot {each.slot}") + part,
            *((each.entropy, y), (-7 if right else 7, 0)),
            textcoords="offset points",
            ha="right" if right else "left",
            va="center",
            fontsize=8,
            color=INK,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )
    axes.axhline(0.0, color=SOFT, linewidth=0.8, zorder=0)
    what = "slot" if statistics.kind == "slots" else "head, what points receive"
    axes.set_xlim(0.0, 1.02)
    axes.set_xlabel(f"entropy over the points of a shape (1: everywhere alike), one dot per {what}")
    axes.set_ylabel(
        "mutual information with the parts,\nnormalized, above chance (slabs)"
        if by_parts
        else "agreement within categories above that between them"
    )
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    title = f"{drawn.model.info.name} on {data.name} {data.split}, {statistics.clouds} clouds"
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    return figure


def _named(known: list[tuple[float, SlotFigures]]) -> list[tuple[float, SlotFigures]]:
    """Choose the most telling slot of each part, if its name does not overlap others."""
    wide, high = (
        max(values, default=0.0) - min(values, default=0.0) or 1.0
        for values in ([each.entropy for _, each in known], [y for y, _ in known])
    )
    named: list[tuple[float, SlotFigures]] = []
    for y, each in sorted(known, key=lambda pair: -pair[0]):
        if len(named) < NAMED and all(
            (abs(each.entropy - other.entropy) > ROOM[0] * wide or abs(y - at) > ROOM[1] * high)
            and (each.part is None or each.part != other.part)
            for at, other in named
        ):
            named.append((y, each))
    return named
