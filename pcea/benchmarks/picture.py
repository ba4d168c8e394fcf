"""Pictures of a benchmark: ratios as bars, or times as curves over the size of a cloud."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator, StrMethodFormatter

from pcea.benchmarks.measure import Kind, Measured
from pcea.benchmarks.report import number

# Okabe and Ito's colors, which color-blind readers tell apart.
BAR: dict[Kind, str] = {"ours": "#0072B2", "plain": "#9aa3ad", "peer": "#E69F00"}
NAMES: dict[Kind, str] = {"ours": "pcea", "plain": "plain reference", "peer": "other packages"}
LINES = "#D55E00 #E69F00 #882255 #CC79A7 #1c2126 #56B4E9 #0072B2 #009E73".split()
MARKERS = "osD^vPX*"
DASHES: dict[Kind, Any] = {"ours": "-", "plain": (0, (5, 2)), "peer": (0, (1.5, 1.5))}
INK, SOFT, GRID = "#1c2126", "#5b6570", "#e3e6ea"
# Text has a background, which hides the lines behind it.
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
# If the largest ratio divided by the smallest exceeds this, the axis is logarithmic.
WIDE = 20.0
# From so many contests of one kind on, curves are drawn instead of bars.
CURVES_FROM = 3


def style_of(number: int) -> dict[str, Any]:
    """Return color and marker of the curve or point of a number, from 0; no two are alike."""
    again, place = divmod(number, len(LINES))
    color, marker = LINES[place], MARKERS[(place + again) % len(MARKERS)]
    return {"color": color, "marker": marker, "mfc": "white" if again % 2 else color}


def draw(outcomes: Sequence[Measured], caption: str = "") -> Figure:
    """Draw the outcomes of contests.

    Args:
        outcomes: the outcomes; contests of several sizes become curves over the size.
        caption: small text below, such as the machine.

    Returns:
        The figure, for :func:`pcea.pictures.save`.
    """
    seen = [outcome for outcome in outcomes if any(row.seconds for row in outcome.rows)]
    groups = _by_subject(seen)
    if groups and all(len(group) >= CURVES_FROM for group in groups):
        figure = _curves(groups)
    else:
        figure = _bars(seen)
    if caption:
        # It may take the whole width of the figure, and wraps if it is longer.
        figure.supxlabel(caption, x=0.01, ha="left", fontsize=6.5, color=SOFT, wrap=True)
    return figure


def _bars(outcomes: Sequence[Measured]) -> Figure:
    counts = [sum(bool(row.seconds) for row in outcome.rows) for outcome in outcomes] or [1]
    heights = [0.8 + 0.3 * count for count in counts]
    figure = Figure(figsize=(7.2, sum(heights) + 0.55), dpi=160, layout="constrained")
    panels = figure.subplots(len(counts), 1, squeeze=False, height_ratios=heights)[:, 0]
    kinds = dict[Kind, None]()
    for axes, outcome in zip(panels, outcomes, strict=False):
        _bars_of(axes, outcome)
        kinds |= dict.fromkeys(row.contestant.kind for row in outcome.rows if row.seconds)
    handles = [Patch(color=BAR[kind], label=NAMES[kind]) for kind in kinds]
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=3,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
    )
    return figure


def _bars_of(axes: Axes, outcome: Measured) -> None:
    """Draw one contest: one bar per contestant with its quartiles and its ratio as text."""
    rows = [row for row in outcome.rows if row.seconds]
    ratios = [outcome.ratio(row) for row in rows]
    found = [ratio for ratio in ratios if ratio is not None]
    values = [ratio.median for ratio in found]
    spreads = [
        [ratio.median - ratio.low for ratio in found],
        [ratio.high - ratio.median for ratio in found],
    ]
    colors = [BAR[row.contestant.kind] for row in rows]
    places = range(len(rows))
    low, top = min(ratio.low for ratio in found), max(ratio.high for ratio in found)
    # On a logarithmic axis, bars start at 1: twice as fast is as long as half as fast.
    wide = top / low > WIDE
    lengths, left = ([value - 1 for value in values], 1) if wide else (values, 0)
    bars: dict[str, Any] = {"color": colors, "xerr": spreads, "ecolor": INK, "capsize": 2}
    axes.barh(places, lengths, left=left, height=0.66, **bars)
    for place, row, ratio in zip(places, rows, found, strict=True):
        assert row.time is not None
        text = f"{number(ratio.median)} ×   {_time(row.time.median)}"
        spot = max(ratio.high, float(left)), place
        axes.annotate(
            *(text, spot, (5, 0)),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
            bbox=BEHIND,
        )
    axes.set_yticks(list(places), [row.contestant.name for row in rows], fontsize=8, color=INK)
    if wide:
        axes.set_xscale("log")
        axes.set_xlim(0.8 * min(low, 1), top * (top / low) ** 0.3)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    else:
        axes.set_xlim(0, 1.3 * top)
    axes.invert_yaxis()
    axes.axvline(1, color=SOFT, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
    reference = outcome.reference
    assert reference is not None
    axes.set_title(outcome.contest.title, loc="left", fontsize=9.5, color=INK)
    axes.set_xlabel(f"times faster than {reference.contestant.name}", fontsize=8, color=SOFT)
    _tidy(axes)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.tick_params(axis="y", length=0)


def _curves(groups: Sequence[Sequence[Measured]]) -> Figure:
    figure = Figure(figsize=(3.9 * len(groups) + 2.4, 4.1), dpi=160, layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    rows = [row for group in groups for each in group for row in each.rows]
    kinds = {row.contestant.name: row.contestant.kind for row in rows}
    styles = {
        name: {**style_of(i), "ls": DASHES[kind]} for i, (name, kind) in enumerate(kinds.items())
    }
    drawn = {}
    for axes, group in zip(panels, groups, strict=True):
        for name, style in styles.items():
            points = [
                (each.contest.size or 1, 1e3 * row.time.median)
                for each in group
                for row in each.rows
                if row.contestant.name == name and row.time is not None
            ]
            if points:
                x, y = zip(*points, strict=True)
                (line,) = axes.plot(x, y, ms=4.5, lw=1.6, **style)
                drawn[name] = line
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        sizes = sorted({each.contest.size or 1 for each in group})
        axes.set_xticks(sizes, [_short(size) for size in sizes], fontsize=8)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("points of a cloud", fontsize=8.5, color=SOFT)
        axes.set_ylabel("ms", fontsize=8.5, color=SOFT)
        axes.set_title(group[0].subject, loc="left", fontsize=9.5, color=INK)
        _tidy(axes)
        axes.grid(color=GRID, linewidth=0.7)
    figure.legend(
        drawn.values(),
        drawn.keys(),
        loc="outside right upper",
        frameon=False,
        fontsize=8,
        labelcolor=INK,
    )
    return figure


def _by_subject(outcomes: Sequence[Measured]) -> list[list[Measured]]:
    groups: dict[str, list[Measured]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.subject, []).append(outcome)
    return list(groups.values())


def _short(size: int) -> str:
    for unit, name in ((1 << 20, "M"), (1_000_000, "M"), (1 << 10, "k")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size:,}"


def _time(seconds: float) -> str:
    return f"{number(seconds)} s" if seconds >= 1 else f"{number(1e3 * seconds)} ms"


def _tidy(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelsize=8, labelcolor=INK)
