"""Draw how faithful the maps of a model are: curves, the pointing game, and shuffled weights."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pcea.explanation.faithfulness import GAMES, TITLES, Curve, Faithfulness
from pcea.pictures.charts import INK, SOFT, plain
from pcea.pictures.files import save

# Okabe and Ito's colors, and Tol's wine; what is not a map of the model is gray and dashed.
STYLES: Mapping[str, Mapping[str, Any]] = {
    "slots": {"color": "#0072B2"},
    "received": {"color": "#0072B2"},
    "slot": {"color": "#56B4E9"},
    "any_slot": {"color": "#009E73"},
    "query": {"color": "#009E73"},
    "critical": {"color": "#E69F00"},
    "saliency": {"color": "#D55E00"},
    "shuffled_weights": {"color": "#882255", "linestyle": (0, (5, 1.5))},
    "random": {"color": "#5b6570", "linestyle": (0, (3, 1.5))},
    "regions": {"color": "#1c2126", "linestyle": (0, (1, 1.2))},
}


def draw_curves(found: Faithfulness, title: str) -> Figure:
    """Draw the curves of deletion and insertion, with their areas in the legends.

    Args:
        found: the result of :func:`pcea.explanation.measure_faithfulness`.
        title: the text above the picture.
    """
    figure = Figure(figsize=(14.0, 7.6), layout="constrained", facecolor="white")
    rows = figure.subplots(2, 2, sharey=True)
    for row, measure in zip(rows, ("probability", "accuracy"), strict=True):
        name = "probability of the truth" if measure == "probability" else "accuracy"
        _curves(row[0], found.deleted, found.deletion, measure)
        _curves(row[1], found.inserted, found.insertion, measure)
        row[0].set_ylabel(name, color=SOFT)
        row[0].set_title(f"Deletion: {name} (a smaller area is better)", loc="left", fontsize=10)
        row[1].set_title(f"Insertion: {name} (a larger area is better)", loc="left", fontsize=10)
    rows[1, 0].set_xlabel("share of the points left out, the most important first", color=SOFT)
    rows[1, 1].set_xlabel("share of the points given, the most important first", color=SOFT)
    rows[0, 0].set_ylim(0.0, 1.02)
    figure.suptitle(title, fontsize=12, color=INK, x=0.01, ha="left")
    return figure


def _curves(
    axes: Axes, shares: tuple[float, ...], curves: Mapping[str, Curve], measure: str
) -> None:
    # The best area comes first in the legend.
    areas = {name: getattr(each, f"{measure}_area") for name, each in curves.items()}
    deletion = shares[0] == 0.0
    for name in sorted(curves, key=lambda each: areas[each] if deletion else -areas[each]):
        label = f"{areas[name]:.3f} {TITLES[name]}"
        axes.plot(shares, getattr(curves[name], measure), lw=1.7, label=label, **STYLES[name])
    _legend(axes, "area")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    plain(axes)


def draw_pointing(found: Faithfulness, title: str) -> Figure | None:
    """Draw how often maps point into the right part, or nothing where no points have parts."""
    if not found.pointing:
        return None
    bars = {
        "trained model": ("hits", "#0072B2"),
        "all weights shuffled": ("shuffled_weights", "#882255"),
        "chance: the part's share of the points": ("chance", "#b8bfc6"),
    }
    figure = Figure(figsize=(7.6, 1.9 + 0.9 * len(found.pointing)), layout="constrained")
    figure.set_facecolor("white")
    axes = figure.add_subplot()
    for i, (label, (name, color)) in enumerate(bars.items()):
        values = [getattr(game, name) for game in found.pointing.values()]
        places = [row + 0.27 * (i - 1) for row in range(len(values))]
        lengths = [value or 0.0 for value in values]
        drawn = axes.barh(places, lengths, height=0.25, color=color, label=label)
        # A model with shuffled weights may predict none of the parts, which is not a share of 0.
        texts = ["no trials" if value is None else f"{100 * value:.0f} %" for value in values]
        axes.bar_label(drawn, texts, padding=3, fontsize=9)
    names = [f"{GAMES[name]}\n{game.trials:,} trials" for name, game in found.pointing.items()]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0.0, 1.0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("share of trials in which the highest point lies in the part", color=SOFT)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=3,
                  frameon=False, fontsize=8.5)  # fmt: skip
    axes.set_title(f"Pointing game: {title}", loc="left", fontsize=11, color=INK)
    plain(axes, "x")
    return figure


def draw_randomization(found: Faithfulness, title: str) -> Figure:
    """Draw how alike the maps stay as more and more weights are shuffled."""
    figure = Figure(figsize=(9.6, 4.8), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    places = range(len(found.blocks) + 1)
    for name, values in found.correlation.items():
        axes.plot(places, (1.0, *values), marker="o", ms=4, lw=1.7, **STYLES[name])
        axes.lines[-1].set_label(f"{values[-1]:.2f} {TITLES[name]}")
    axes.axhline(0.0, color=SOFT, linewidth=0.8, zorder=0)
    axes.set_xticks(places, ["trained", *(f"+ {block}" for block in found.blocks)], rotation=25)
    axes.set_ylim(min(-0.2, *(min(each) for each in found.correlation.values())) - 0.03, 1.03)
    axes.set_xlabel("blocks whose weights are shuffled, from the output to the input", color=SOFT)
    axes.set_ylabel("rank correlation with the trained model's map", color=SOFT)
    _legend(axes, "with all weights shuffled")
    axes.set_title(f"Shuffled weights: {title}", loc="left", fontsize=11, color=INK)
    plain(axes)
    return figure


def _legend(axes: Axes, title: str) -> None:
    """Write the legend to the right of the curves, which would cross it elsewhere."""
    place: Any = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
    axes.legend(frameon=False, fontsize=9, title=title, title_fontsize=9, alignment="left", **place)


def save_faithfulness(found: Faithfulness, folder: str | os.PathLike[str], title: str) -> list[str]:
    """Write ``curves.png``, ``pointing.png`` and ``randomization.png``.

    ``found`` and ``title`` are those of :func:`draw_curves`. Returns the names of the written
    files; there is no picture of a pointing game that was not played.
    """
    draw = {"curves": draw_curves, "pointing": draw_pointing, "randomization": draw_randomization}
    written = []
    for name, each in draw.items():
        if (figure := each(found, title)) is not None:
            save(figure, Path(folder, f"{name}.png"))
            written.append(f"{name}.png")
    return written
