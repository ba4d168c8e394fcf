"""Pictures of calibrations that are known."""

import numpy as np
import pytest
import torch

from pcea.evaluation import measure_calibration
from pcea.pictures.calibration import MOST, draw_calibration


def test_bars_and_curve_are_the_figures() -> None:
    probability = torch.tensor([[0.95, 0.05], [0.95, 0.05], [0.25, 0.75], [0.35, 0.65]])
    found = measure_calibration(probability, torch.tensor([0, 1, 1, 1]), bins=10)
    figure = draw_calibration({"categories": found}, "eat on solids val")
    reliability, risk = figure.axes
    assert reliability.get_title("left") == "Reliability of categories: error 37.5 %"
    bars, shares = reliability.containers
    assert [bar.get_x() for bar in bars] == pytest.approx([0.6, 0.7, 0.9])
    assert [bar.get_height() for bar in bars] == pytest.approx([1.0, 1.0, 0.5])
    assert [bar.get_height() for bar in shares] == pytest.approx([0.25, 0.25, 0.5])
    (line,) = risk.lines
    assert np.asarray(line.get_xdata()).tolist() == [0.25, 0.5, 0.75, 1.0]
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])


def test_a_row_for_each_kind_of_answers() -> None:
    found = measure_calibration(torch.eye(3), torch.arange(3))
    figure = draw_calibration({"categories": found, "parts of points": found}, "")
    assert [axes.get_title("left") for axes in figure.axes[::2]] == [
        "Reliability of categories: error 0.0 %",
        "Reliability of parts of points: error 0.0 %",
    ]


def test_the_curve_of_many_answers_is_drawn_by_few() -> None:
    probability = torch.rand(9000, 1, generator=torch.Generator().manual_seed(0)) / 2 + 0.5
    found = measure_calibration(
        torch.cat([probability, 1 - probability], 1), torch.arange(9000) % 2
    )
    (line,) = draw_calibration({"categories": found}, "").axes[1].lines
    share, risk = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert len(share) == MOST and share[-1] == 1 and risk[-1] == found.risk[-1]
    assert risk.tolist() == [found.risk[round(9000 * each) - 1] for each in share]
