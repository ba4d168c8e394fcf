"""Pictures of figures that are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pcea.explanation.faithfulness import Curve, Difference, Faithfulness, PointingGame
from pcea.pictures.faithfulness import (
    STYLES,
    draw_curves,
    draw_pointing,
    draw_randomization,
    save_faithfulness,
)

GIVEN = (0.05, 0.5, 1.0)


def curve(values: tuple[float, ...], area: float) -> Curve:
    gain = Difference(0.1, 0.02)
    return Curve(values, tuple(v / 2 for v in values), area, area / 2, {"random": gain})


def figures(pointing: bool = True) -> Faithfulness:
    names = {"slots": 0.2, "saliency": 0.4, "random": 0.5, "regions": 0.3}
    return Faithfulness(
        *("external", "slots", 10, 0, 64, 3, 0),
        deleted=tuple(1 - each for each in reversed(GIVEN)),
        inserted=GIVEN,
        deletion={name: curve((0.9, area, 0.1), area) for name, area in names.items()},
        insertion={name: curve((0.1, area, 0.9), area) for name, area in names.items()},
        pointing={"slots": PointingGame(640, 0.7, 0.3, 0.5)} if pointing else {},
        blocks=("head", "embedding"),
        correlation={"slots": (1.0, 0.25), "saliency": (0.1, -0.3)},
    )


def test_curves_with_their_areas() -> None:
    figure = draw_curves(figures(), "eat on solids val")
    assert len(figure.axes) == 4
    deletion, insertion, accuracy, _ = figure.axes
    legends = [axes.get_legend() for axes in (deletion, insertion, accuracy)]
    texts = [[text.get_text() for text in legend.get_texts()] for legend in legends if legend]
    # The best comes first: the smallest area of deletion, the largest of insertion.
    assert texts[0][0] == "0.200 all slots together" and texts[0][-1] == "0.500 random points"
    assert texts[1][0] == "0.500 random points"
    assert texts[2][0] == "0.100 all slots together"
    line = next(each for each in deletion.lines if "slots" in str(each.get_label()))
    assert np.asarray(line.get_xdata()).tolist() == [0.0, 0.5, 0.95]
    assert np.asarray(line.get_ydata()).tolist() == [0.9, 0.2, 0.1]


def test_the_pointing_game() -> None:
    figure = draw_pointing(figures(), "eat on solids val")
    assert figure is not None
    (axes,) = figure.axes
    assert [each.get_text() for each in axes.texts] == ["70 %", "50 %", "30 %"]
    assert axes.get_yticklabels()[0].get_text() == "each slot\n640 trials"
    without = draw_pointing(replace(figures(), pointing={"slots": PointingGame(4, 0.0, 0.3)}), "")
    assert without is not None
    assert [each.get_text() for each in without.axes[0].texts] == ["0 %", "no trials", "30 %"]
    assert draw_pointing(figures(pointing=False), "") is None


def test_shuffled_weights() -> None:
    (axes,) = draw_randomization(figures(), "eat on solids val").axes
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [1.0, 1.0, 0.25]
    assert [each.get_text() for each in axes.get_xticklabels()] == [
        "trained",
        "+ head",
        "+ embedding",
    ]
    assert axes.get_ylim()[0] < -0.3


def test_every_map_has_a_style() -> None:
    from pcea.explanation.faithfulness import TITLES

    assert set(STYLES) == set(TITLES)
    drawn = [
        tuple(sorted((key, str(value)) for key, value in each.items())) for each in STYLES.values()
    ]
    assert len(set(drawn)) == len(drawn) - 2  # slots and received, any_slot and query


@pytest.mark.parametrize("pointing", [True, False])
def test_files(tmp_path: Path, pointing: bool) -> None:
    found = replace(figures(pointing), clouds=2)
    names = save_faithfulness(found, tmp_path / "deep", "title")
    expected = ["curves.png", *["pointing.png"] * pointing, "randomization.png"]
    assert names == expected
    assert sorted(each.name for each in (tmp_path / "deep").iterdir()) == sorted(expected)
