"""Calibration against cases computed by hand, another library, and made-up answers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.evaluation import ClassificationResult
from pcea.evaluation.calibration import Calibration, fit_temperature, measure_calibration


def answers(confidence: list[float], right: list[bool]) -> Calibration:
    """Answers of these confidences for one of three categories, right or wrong."""
    probability = torch.tensor([[p, (1 - p) * 0.6, (1 - p) * 0.4] for p in confidence])
    return measure_calibration(probability, torch.tensor([0 if yes else 2 for yes in right]))


def test_by_hand() -> None:
    found = answers([0.95, 0.99, 0.61, 0.62], [True, False, True, True])
    # Of 15 bins, 0.6 to 0.667 is number 9, and 0.933 to 1 is number 14.
    assert found.count.tolist() == [0] * 9 + [2] + [0] * 4 + [2]
    assert found.accuracy[[9, 14]].tolist() == [1.0, 0.5]
    assert found.confidence[[9, 14]].tolist() == pytest.approx([0.615, 0.97])
    assert found.error == pytest.approx((2 * 0.385 + 2 * 0.47) / 4)
    # By confidence: wrong, right, right, right.
    assert found.risk.tolist() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert found.risk_area == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert [found.accuracy_at(share) for share in (0.01, 0.5, 1)] == pytest.approx([0, 0.5, 0.75])
    true = torch.tensor([0.95, 0.01 * 0.4, 0.61, 0.62])
    assert found.log_loss == pytest.approx(-true.double().log().mean().item(), rel=1e-6)


@pytest.fixture
def drawn() -> tuple[Tensor, Tensor]:
    """Logits of 4,000 answers in 5 categories, and categories drawn with their probabilities."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(4000, 5, generator=generator)
    return logits, torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(1)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_the_error_is_that_of_torchmetrics(drawn: tuple[Tensor, Tensor], bins: int) -> None:
    logits, target = drawn
    for scale in (0.5, 1.0, 3.0):
        probability = (scale * logits).softmax(-1)
        wanted = multiclass_calibration_error(probability, target, 5, n_bins=bins, norm="l1")
        found = measure_calibration(probability, target, bins)
        assert found.error == pytest.approx(wanted.item(), abs=1e-5)
        assert int(found.count.sum()) == len(target)


def test_what_is_drawn_by_its_probability_is_calibrated(drawn: tuple[Tensor, Tensor]) -> None:
    logits, target = drawn
    assert measure_calibration(logits.softmax(-1), target).error < 0.03
    assert measure_calibration((3 * logits).softmax(-1), target).error > 0.1


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_is_found_again(drawn: tuple[Tensor, Tensor], temperature: float) -> None:
    logits, target = drawn
    probability = (temperature * logits).softmax(-1)
    assert fit_temperature(probability, target) == pytest.approx(temperature, rel=0.06)


def test_answers_that_are_all_right_or_all_wrong() -> None:
    sure = torch.eye(3).double()
    assert fit_temperature(0.9 * sure + 0.1 / 3, torch.arange(3)) < 0.1
    assert fit_temperature(sure, torch.tensor([1, 2, 0])) == pytest.approx(50, rel=1e-2)
    assert measure_calibration(sure, torch.arange(3)).error == 0
    assert measure_calibration(sure, torch.tensor([1, 2, 0])).error == 1


def test_as_metrics(drawn: tuple[Tensor, Tensor]) -> None:
    logits, target = drawn
    probability, taxonomy = logits.softmax(-1), Taxonomy(tuple("abcde"))
    result = ClassificationResult(probability.argmax(-1), target, taxonomy, probability)
    figures = result.figures(["calibration_error", "log_loss"])
    found = measure_calibration(probability, target)
    assert figures["calibration_error"] == found.error and figures["log_loss"] == found.log_loss
    without = ClassificationResult(probability.argmax(-1), target, taxonomy)
    with pytest.raises(InputError, match="no probabilities of the categories"):
        without.figures(["calibration_error"])


@pytest.mark.parametrize(
    ("probability", "target", "message"),
    [
        (torch.rand(3), torch.zeros(3, dtype=torch.long), r"must be \(M, C\)"),
        (torch.rand(3, 2), torch.zeros(2, dtype=torch.long), r"must be \(M, C\)"),
        (torch.rand(0, 2), torch.zeros(0, dtype=torch.long), "no answers"),
        (torch.tensor([[2.0, -1.0]]), torch.tensor([0]), r"probabilities must be in 0\.\.1"),
        (torch.tensor([[float("nan"), 1.0]]), torch.tensor([0]), r"probabilities must be in 0"),
        (torch.rand(1, 2), torch.tensor([2]), r"true categories must be in 0\.\.1"),
        (torch.rand(1, 2), torch.tensor([-1]), r"true categories must be in 0\.\.1"),
    ],
)
@pytest.mark.parametrize("function", [measure_calibration, fit_temperature])
def test_what_does_not_fit_is_refused(
    function: Callable[[Tensor, Tensor], object], probability: Tensor, target: Tensor, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        function(probability, target)
