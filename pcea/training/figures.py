"""The pictures of a run's report, each as the text of an SVG that a page can hold."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FormatStrFormatter, MaxNLocator, PercentFormatter
from torch import Tensor

from pcea.lettering import letter

# Okabe and Ito's colors, which color-blind readers tell apart.
COLORS = ("#0072B2", "#D55E00")
# The second line lets the first show through where they agree.
DASHES = ("-", (0, (4, 1.5)))
INK, SOFT, LINE = "#1c2126", "#5b6570", "#e3e6ea"
# Pale to dark blue in equal steps of OKLab, so that equal differences of shares look equal.
SHARES = LinearSegmentedColormap.from_list(
    "shares",
    "#d6e8f7 #afcfe9 #89b6db #619dcc #3684bd #036aa8 #085087 #093768 #08204a".split(),
)
# Up to this many classes a cell has room for its count.
FEW_CLASSES = 24


def curves(
    title: str,
    epochs: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    percent: bool = False,
    best: int | None = None,
) -> str:
    """Draw one line or two by epoch, counted from 1, as an SVG; ``best`` is an epoch to mark."""
    figure = Figure(figsize=(4.4, 3.1), layout="constrained")
    axes = figure.add_subplot()
    marker = "o" if len(epochs) <= 15 else None
    for (name, values), color, dash in zip(lines.items(), COLORS, DASHES, strict=False):
        axes.plot(epochs, values, color=color, lw=1.8, ls=dash, marker=marker, ms=3.5, label=name)
        if best is not None and best in epochs:
            value = values[list(epochs).index(best)]
            axes.plot([best], [value], "o", color=color, ms=7, mec="white", mew=1.2)
    if best is not None:
        axes.axvline(best, color=SOFT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    if percent:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    else:
        drawn = [value for values in lines.values() for value in values]
        if min(drawn) >= 0 < max(drawn):
            axes.set_ylim(0, 1.08 * max(drawn))
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if len(epochs) == 1:
        axes.set_xticks(list(epochs))
    axes.set_xlabel("epoch", color=SOFT, fontsize=9)
    axes.set_title(title, loc="left", fontsize=10.5, color=INK)
    _tidy(axes)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    return _svg(figure, f"{title} by epoch")


def confusion_matrix(confusion: Tensor, names: Sequence[str]) -> str:
    """Draw counts (C, C), whose rows are the truth, as shares of their class, as an SVG.

    Pointing at a cell tells its counts, and few classes show them.
    """
    count = len(names)
    few = count <= FEW_CLASSES
    side = 1.7 + count * (0.42 if few else 0.2)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.add_subplot()
    shares = confusion / confusion.sum(1, keepdim=True).clamp(min=1)
    said = {}
    for row, column in confusion.nonzero().tolist():
        number, share = int(confusion[row, column]), float(shares[row, column])
        key = f"cell-{row}-{column}"
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=SHARES(share), gid=key))
        verb = "right" if row == column else f"taken for {names[column]}"
        total = int(confusion[row].sum())
        said[key] = f"{names[row]}, {verb}: {number} of {total} ({100 * share:.0f} %)"
        if few:
            ink = "white" if share > 0.45 else INK
            axes.text(column, row, str(number), ha="center", va="center", fontsize=8, color=ink)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_aspect("equal")
    size = 8.5 if few else 7.5
    axes.set_xticks(range(count), names, rotation=90, fontsize=size)
    axes.set_yticks(range(count), names, fontsize=size)
    axes.set_xlabel("predicted", color=SOFT, fontsize=9.5)
    axes.set_ylabel("true", color=SOFT, fontsize=9.5)
    axes.set_xticks([i - 0.5 for i in range(1, count)], minor=True)
    axes.set_yticks([i - 0.5 for i in range(1, count)], minor=True)
    axes.grid(which="minor", color=LINE, linewidth=0.4)
    axes.tick_params(which="both", length=0, labelcolor=INK)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(LINE)
    bar = figure.colorbar(
        ScalarMappable(cmap=SHARES), ax=axes, shrink=0.4, aspect=18, pad=0.02, anchor=(0, 1)
    )
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    bar.ax.tick_params(length=0, labelsize=8, labelcolor=SOFT)
    bar.outline.set_visible(False)
    svg = _svg(figure, "confusion matrix of the validation split")
    return re.sub(
        r'<g id="(cell-\d+-\d+)">', lambda at: f"<g><title>{escape(said[at[1]])}</title>", svg
    )


def category_bars(values: Mapping[str, Sequence[float]]) -> str:
    """Draw the mean of each group of shares as a bar and each member as a dot, as an SVG."""
    figure = Figure(figsize=(8.6, 0.9 + 0.3 * len(values)), layout="constrained")
    axes = figure.add_subplot()
    for row, members in enumerate(values.values()):
        mean = sum(members) / len(members)
        axes.barh(row, mean, height=0.62, color="#a6cee3")
        axes.plot(members, [row] * len(members), "o", color=COLORS[0], ms=3.2, alpha=0.35, mew=0)
        axes.plot([mean, mean], [row - 0.31, row + 0.31], color=INK, linewidth=1.6)
    axes.set_yticks(range(len(values)), list(values), fontsize=9)
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.set_xlim(0, 1.005)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _tidy(axes)
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.spines["bottom"].set_visible(False)
    return _svg(figure, "mean intersection over union of each category")


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.tick_params(length=0, labelsize=9, labelcolor=SOFT)
    axes.set_axisbelow(True)


def _svg(figure: Figure, label: str) -> str:
    """The figure's SVG element alone, without what names other places: prologue and metadata."""
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    letter(figure)
    figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
