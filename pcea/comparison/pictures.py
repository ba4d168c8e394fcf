"""Pictures of a comparison: accuracy against cost, validation curves, the maps on one shape."""

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from pcea.comparison.table import Comparison, Row, spoken
from pcea.explanation import explain
from pcea.formats import ShapeLike
from pcea.models import load_model
from pcea.pictures import Panel, Style, gallery
from pcea.pictures.explained import COLORMAP, DrawnExplanation

FRONT, OTHER, INK, SOFT, GRID = "#0072B2", "#8a939c", "#1c2126", "#5b6570", "#e3e6ea"
# Panels of curves side by side.
COLUMNS = 4
# The last color of a map stands for this many times the mean, and for all above.
LARGEST = 4.0


def draw_costs(comparison: Comparison) -> Figure:
    """Draw accuracy against the time of a step, with the front: what is not beaten in both.

    Each attention is a number, which the list beside the panels names.
    """
    name = spoken(comparison.figure)
    rows = [row for row in comparison.rows if row.cost.step_seconds is not None]
    panels = {f"Clean clouds: {name}": [row.figures(comparison.figure) for row in rows]}
    if len(comparison.conditions) > 1:
        corrupted = [row.corrupted(comparison.figure) for row in rows]
        panels[f"Corrupted clouds: {name}"] = corrupted
    size = 4.3 * len(panels) + 2.6, max(3.6, 0.23 * len(rows) + 0.8)
    # The list stands to the right of the panels.
    beside = ConstrainedLayoutEngine(rect=(0, 0, 1 - 2.6 / size[0], 1))
    figure = Figure(figsize=size, dpi=160, layout=beside)
    front = set[str]()
    for axes, (title, values) in zip(_row_of(figure, len(panels)), panels.items(), strict=True):
        front |= _against_cost(axes, rows, values)
        _titled(axes, title)
        axes.set_xlabel(f"training step of {comparison.grid.recipe.batch_size} clouds, ms")
        axes.set_ylabel("%")
    for place, row in enumerate(rows):
        figure.text(
            *(1 - 2.5 / size[0], 1 - (0.45 + 0.23 * place) / size[1], f"{place + 1}  {row.label}"),
            fontsize=8,
            color=FRONT if row.label in front else INK,
        )
    return figure


def _against_cost(axes: Axes, rows: Sequence[Row], values: Sequence[Sequence[float]]) -> set[str]:
    """Draw the attentions as numbers, and the front as a line; return those on it."""
    times = [1e3 * (row.cost.step_seconds or 0.0) for row in rows]
    means = [100 * fmean(each) for each in values]
    on_front = front_of(times, means)
    steps = sorted((times[i], means[i]) for i in on_front)
    axes.step(*zip(*steps, strict=True), where="post", color=FRONT, lw=1.2, zorder=1)
    for i, (time, mean) in enumerate(zip(times, means, strict=True)):
        color = FRONT if i in on_front else OTHER
        error = 100 * stdev(values[i]) if len(values[i]) > 1 else 0.0
        axes.errorbar(time, mean, error, color=color, lw=0.9, capsize=2, zorder=2)
        circle = {"boxstyle": "circle,pad=0.18", "facecolor": color, "edgecolor": "white"}
        label = axes.text(time, mean, str(i + 1), ha="center", va="center", fontsize=6.5)
        label.set(color="white", bbox=circle, zorder=3 + (i in on_front))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.12)
    return {rows[i].label for i in on_front}


def front_of(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """Find the places that no other one beats: as cheap, as good, and better in one of the two."""
    pairs = list(zip(costs, values, strict=True))
    return [
        i
        for i, (cost, value) in enumerate(pairs)
        if not any(c <= cost and v >= value and (c, v) != (cost, value) for c, v in pairs)
    ]


def draw_curves(comparison: Comparison) -> Figure:
    """Draw the validation figure of every run by epoch: a panel for each attention.

    The means of the first attention are gray in all panels.
    """
    curves = {row.label: _validation(comparison, row) for row in comparison.rows}
    columns = min(COLUMNS, len(curves))
    count = -(-len(curves) // columns)
    size = 2.5 * columns + 0.4, 1.9 * count + 0.3
    figure = Figure(figsize=size, dpi=160, layout="constrained")
    every = figure.subplots(count, columns, sharex=True, sharey=True, squeeze=False).ravel()
    first = next(iter(curves.values()))
    for axes, (label, runs) in zip(every, curves.items(), strict=False):
        _line(axes, [fmean(each) for each in zip(*first, strict=False)], color=OTHER, lw=2.2)
        for run in runs:
            _line(axes, run, color=FRONT, lw=0.9)
        _titled(axes, label)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    for axes in every[len(curves) :]:
        axes.remove()
    figure.supxlabel("epoch", fontsize=8, color=SOFT)
    figure.supylabel(f"validation {spoken(comparison.figure)}, %", fontsize=8, color=SOFT)
    return figure


def _validation(comparison: Comparison, row: Row) -> list[list[float]]:
    grid, key = comparison.grid, f"val_{comparison.figure}"
    entry = next(each for each in grid.entries if each.label == row.label)
    runs = [grid.run_of(entry, seed).read_metrics() for seed in row.scores]
    return [[each[key] for each in run if key in each] for run in runs]


def _line(axes: Axes, values: Sequence[float], **style: Any) -> None:
    marker = "o" if len(values) <= 15 else None
    percent = [100 * value for value in values]
    axes.plot(range(1, len(values) + 1), percent, marker=marker, ms=2.5, **style)


def draw_maps(comparison: Comparison, shape: ShapeLike) -> Figure | None:
    """Draw one column of the last layer's map on a shape, a panel for each attention.

    It is the most telling slot, or what each point receives, in multiples of its mean, so that even
    attention has the same color in all panels; None if no model with weights has attention.
    """
    panels, highest, grid = list[Panel](), 1.0, comparison.grid
    for entry in grid.entries:
        row = next((each for each in comparison.rows if each.label == entry.label), None)
        weights = [] if row is None else [grid.run_of(entry, seed).last for seed in row.scores]
        # A run that was measured elsewhere has none.
        file = next((each for each in weights if each.exists()), None)
        if file is None:
            continue
        model = load_model(file)
        if not len(model.encoder.layers):
            continue
        found = explain(model, shape, up="y", importance=False, slots=1)
        drawn, column = DrawnExplanation(found, "", Style()), found.gallery[0]
        name = found.maps[column.layer].columns[column.index]
        values = drawn.carry(found.values([column]))[:, 0]
        panels.append(Panel(drawn.shape, values, title=f"{entry.label}\n{name}"))
        highest = max(highest, column.high)
    if not panels:
        return None
    high = min(highest, LARGEST)
    return gallery(panels, style=Style(colormap=COLORMAP, low=0.0, high=high, label="× the mean"))


def _row_of(figure: Figure, columns: int) -> Sequence[Axes]:
    axes: Sequence[Axes] = figure.subplots(1, columns, squeeze=False)[0]
    return axes


def _titled(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=8.5, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelsize=7.5, labelcolor=INK)
    axes.xaxis.label.set(fontsize=8, color=SOFT)
    axes.yaxis.label.set(fontsize=8, color=SOFT)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
