"""Calibration: whether four in five of the answers with a probability of 80 % are right."""

from dataclasses import dataclass
from math import exp, log

import torch
import torch.nn.functional as F
from torch import Tensor

from pcea.errors import InputError, checked
from pcea.evaluation.metrics import ClassificationResult, PartResult, register_metric

# The number of bins with which the error is published.
BINS = 15
# The least and the greatest temperature.
COLDEST, HOTTEST = 0.02, 50.0
# A probability of 0 has no logarithm.
LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class Calibration:
    """The answers of a model, in bins of equal width by their confidence.

    The confidence of an answer is its probability: that of the likeliest category of a cloud, or of
    the likeliest part of a point.

    Args:
        count: (bins,) int64 answers in each bin.
        confidence: (bins,) float64 their mean confidence; 0 in an empty bin.
        accuracy: (bins,) float64 the share of them that is right; 0 in an empty bin.
        risk: (M,) float64 the share of wrong answers among the 1, 2, … M most confident ones.
        log_loss: the mean of −log p of what would have been right.
    """

    count: Tensor
    confidence: Tensor
    accuracy: Tensor
    risk: Tensor
    log_loss: float

    @property
    def error(self) -> float:
        """The expected calibration error: the mean of abs(accuracy − confidence) over the answers.

        Source: Guo et al., *On Calibration of Modern Neural Networks*, equation 3.
        """
        gap = (self.accuracy - self.confidence).abs()
        return float((gap * self.count).sum() / self.count.sum())

    @property
    def risk_area(self) -> float:
        """The area below the curve of risk over coverage, the mean of :attr:`risk`."""
        return float(self.risk.mean())

    def accuracy_at(self, coverage: float) -> float:
        """The accuracy of the most confident answers, which are this share of all, above 0."""
        answered = max(1, round(coverage * len(self.risk)))
        return 1 - float(self.risk[answered - 1])


@checked(bins=1)
def measure_calibration(probability: Tensor, target: Tensor, bins: int = BINS) -> Calibration:
    """Measure how true the probabilities of a classifier are.

    Args:
        probability: (M, C) of each category.
        target: (M,) int64 the true categories.
        bins: how many bins there are between the confidences 0 and 1.

    Raises:
        InputError: the shapes do not fit, there are no answers, or values are out of range.
    """
    _check(probability, target)
    confidence, answer = probability.max(-1)
    true = probability.gather(1, target.unsqueeze(1)).squeeze(1)
    return sort_answers(confidence, answer == target, true, bins)


def sort_answers(confidence: Tensor, right: Tensor, true: Tensor, bins: int = BINS) -> Calibration:
    """Sort answers into bins by their confidence.

    ``confidence`` (M,) is in 0..1, ``right`` (M,) bool says which answers are, and ``true`` (M,) is
    the probability of what would have been right.
    """
    confidence, correct = confidence.double(), right.double()
    place = (confidence * bins).long().clamp(max=bins - 1)
    count = torch.bincount(place, minlength=bins)

    def mean(values: Tensor) -> Tensor:
        total = torch.zeros(bins, dtype=torch.float64).index_add_(0, place, values)
        return total / count.clamp(min=1)

    wrong = 1 - correct[confidence.argsort(descending=True, stable=True)]
    risk = wrong.cumsum(0) / torch.arange(1, len(wrong) + 1)
    log_loss = -float(true.double().clamp(min=LEAST).log().mean())
    return Calibration(count, mean(confidence), mean(correct), risk, log_loss)


def fit_temperature(probability: Tensor, target: Tensor) -> float:
    """Find the temperature T with which softmax(logits / T) has the least log loss.

    Above 1, answers become less confident; which one is the likeliest does not change. Choose it on
    a validation split. Where a probability is below 1e-12, its logit is not known exactly:
    :func:`temperature_of_logits` takes logits. Source: Guo et al., *On Calibration of Modern Neural
    Networks*, section 4.2.

    Args:
        probability: (M, C) softmax of the logits.
        target: (M,) int64 the true categories.

    Raises:
        InputError: the shapes do not fit, there are no answers, or values are out of range.
    """
    _check(probability, target)
    # The logits, but for a constant of each answer.
    return temperature_of_logits(probability.double().clamp(min=LEAST).log(), target)


def temperature_of_logits(logits: Tensor, target: Tensor) -> float:
    """Compute :func:`fit_temperature` from logits (M, C)."""
    from scipy.optimize import minimize_scalar

    logits = logits.double()

    def loss(log_temperature: float) -> float:
        return float(F.cross_entropy(logits / exp(log_temperature), target))

    best = minimize_scalar(loss, bounds=(log(COLDEST), log(HOTTEST)), method="bounded")
    return exp(best.x)


def _check(probability: Tensor, target: Tensor) -> None:
    if probability.dim() != 2 or target.shape != probability.shape[:1]:
        raise InputError(
            "probabilities must be (M, C) and true categories (M,), not "
            f"{tuple(probability.shape)} and {tuple(target.shape)}"
        )
    if not len(target):
        raise InputError("there are no answers to measure calibration of")
    # Rounding can make a sum of probabilities a little greater than 1. NaN is refused, too.
    if not ((probability >= 0) & (probability < 1.01)).all():
        raise InputError("probabilities must be in 0..1; logits become such by softmax")
    if not ((target >= 0) & (target < probability.shape[1])).all():
        raise InputError(f"true categories must be in 0..{probability.shape[1] - 1}")


@register_metric("calibration_error", "classification")
def calibration_error(result: ClassificationResult) -> float:
    """The expected calibration error of the categories, in 15 bins, in 0..1."""
    return category_calibration(result).error


@register_metric("log_loss", "classification")
def log_loss(result: ClassificationResult) -> float:
    """The mean of −log p of the true category."""
    return category_calibration(result).log_loss


@register_metric("part_calibration_error", "segmentation")
def part_calibration_error(result: PartResult) -> float:
    """The expected calibration error of the parts of all points, in 15 bins, in 0..1."""
    return part_calibration(result).error


def category_calibration(result: ClassificationResult | PartResult) -> Calibration:
    """The calibration of the categories; an InputError without their probabilities."""
    if isinstance(result, PartResult):
        probability, target = result.category_probability, result.category
    else:
        probability, target = result.probability, result.target
    if probability is None:
        raise InputError("these results have no probabilities of the categories")
    return measure_calibration(probability, target)


def part_calibration(result: PartResult) -> Calibration:
    """The calibration of the parts of all points; an InputError without their probabilities."""
    if result.confidence is None or result.true_probability is None:
        raise InputError("these results have no probabilities of the parts")
    return sort_answers(
        result.confidence, result.prediction == result.target, result.true_probability
    )
