"""Draw how true the probabilities of a model are."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pcea.evaluation import Calibration
from pcea.pictures.charts import INK, SOFT, plain

BLUE, ORANGE = "#0072B2", "#E69F00"
# A curve over more answers is drawn by this many of them.
MOST = 2000


def draw_calibration(found: Mapping[str, Calibration], title: str) -> Figure:
    """Draw a row for each kind of answers: reliability on the left, risk over coverage beside it.

    Args:
        found: calibrations by what the answers are, such as ``categories``.
        title: the text above the picture.
    """
    figure = Figure(figsize=(9.6, 4.4 * len(found) + 0.3), layout="constrained", facecolor="white")
    rows = figure.subplots(len(found), 2, squeeze=False)
    for row, (name, each) in zip(rows, found.items(), strict=True):
        _reliability(row[0], each)
        row[0].set_title(
            f"Reliability of {name}: error {100 * each.error:.1f} %", loc="left", fontsize=10
        )
        _risk(row[1], each)
        row[1].set_title(f"Wrong answers among the most confident: {name}", loc="left", fontsize=10)
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=4, frameon=False, fontsize=8.5)
    figure.suptitle(title, fontsize=12, color=INK, x=0.01, ha="left")
    return figure


def _reliability(axes: Axes, found: Calibration) -> None:
    bins = len(found.count)
    used = (found.count > 0).numpy()
    left = np.arange(bins)[used] / bins
    accuracy, confidence = found.accuracy.numpy()[used], found.confidence.numpy()[used]
    share = (found.count / found.count.sum()).numpy()[used]
    axes.bar(left, accuracy, 1 / bins, align="edge", color=BLUE, alpha=0.85, label="accuracy")
    axes.bar(left, share, 1 / bins, align="edge", color=ORANGE, label="share of all answers")
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle=(0, (3, 1.5)), label="perfect calibration")
    dots = {"color": INK, "ms": 3.5, "clip_on": False}
    axes.plot(confidence, accuracy, "o", label="mean confidence in the bin", **dots)  # type: ignore[arg-type]
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xlabel("confidence: the probability of the answer", color=SOFT)
    _percent(axes)


def _risk(axes: Axes, found: Calibration) -> None:
    total = len(found.risk)
    answers = np.linspace(1, total, min(total, MOST)).astype(int)
    axes.plot(answers / total, found.risk.numpy()[answers - 1], color=BLUE, lw=1.7)
    axes.set(xlim=(0, 1))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("share of answers that are given, the most confident first", color=SOFT)
    axes.set_ylabel("share of them that is wrong", color=SOFT)
    _percent(axes)


def _percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    plain(axes, "both")
