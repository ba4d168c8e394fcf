"""Paired differences between two attentions, and whether they are real.

Both are measured on the same clouds with the same seeds, so each difference is taken within a seed
and within a cloud: what makes a seed or a cloud hard for both cancels out.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pcea.errors import InputError

CONFIDENCE = 0.95
# How often the clouds are drawn anew; the ends of the interval then vary by a hundredth or so.
RESAMPLES = 10_000
# The smallest difference that a comparison should be able to tell, in 0..1: one point of accuracy.
ONE_POINT = 0.01
# More seeds than this are not worth a number.
MOST_SEEDS = 1000

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """How much better one attention is than another, in 0..1.

    Args:
        mean: the mean difference over the seeds.
        std: the standard deviation of the differences over the seeds; None of one seed.
        seeds: how many seeds there are.
        over_seeds: the t interval of the mean over other seeds; None of one seed.
        over_clouds: the bootstrap interval of the mean over other clouds, with these seeds.
        p_seeds: the p-value of the paired t-test over the seeds; None of one seed.
        mcnemar: for each seed, how many clouds only this attention had right, how many only the
            other one, and the p-value of McNemar's exact test; empty if scores are not 0 or 1.
        needed: how many seeds would narrow the interval over seeds to ± one point, if their
            deviation stays the same; None of one seed.
    """

    mean: float
    std: float | None
    seeds: int
    over_seeds: tuple[float, float] | None
    over_clouds: tuple[float, float]
    p_seeds: float | None
    mcnemar: tuple[tuple[int, int, float], ...]
    needed: int | None

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the mean over other seeds and other clouds.

        The errors of both are independent, so the distances of the two intervals' ends from the
        mean are added as squares (MOVER, Zou and Donner, Statistics in Medicine 27, 2008).
        """
        both = [each for each in (self.over_seeds, self.over_clouds) if each is not None]
        below = math.hypot(*(self.mean - low for low, _ in both))
        above = math.hypot(*(high - self.mean for _, high in both))
        return self.mean - below, self.mean + above

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` if the interval lacks zero, else ``no significant difference``.

        With one seed it is ``one seed only``, because other seeds might give anything.
        """
        if self.over_seeds is None:
            return "one seed only"
        low, high = self.interval
        if low > 0 or high < 0:
            return "better" if low > 0 else "worse"
        return "no significant difference"

    @property
    def too_few(self) -> bool:
        """Whether more seeds are needed for an interval over seeds of ± one point."""
        return self.needed is None or self.needed > self.seeds


def difference(own: Scores, other: Scores) -> Difference:
    """Compare the (seeds, clouds) scores, 0 to 1, of an attention with those of another."""
    if own.shape != other.shape or own.ndim != 2 or not own.size:
        raise InputError(f"scores of {own.shape} and {other.shape} seeds and clouds do not pair")
    each = own - other  # (seeds, clouds)
    of_seeds, of_clouds = each.mean(1), each.mean(0)
    mean, std, over_seeds, p_seeds, needed = float(each.mean()), None, None, None, None
    if len(each) > 1:
        std = float(of_seeds.std(ddof=1))
        margin = half_width(std, len(each))
        over_seeds = mean - margin, mean + margin
        p_seeds = _p_value(mean, std, len(each))
        needed = seeds_needed(std)
    binary = all(np.isin(scores, (0, 1)).all() for scores in (own, other))
    return Difference(
        *(mean, std, len(each), over_seeds, bootstrap(of_clouds), p_seeds),
        mcnemar=tuple(map(_mcnemar, own, other)) if binary else (),
        needed=needed,
    )


def half_width(std: float, seeds: int) -> float:
    """Half the width of the t interval of a mean over seeds."""
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1))
    return quantile * std / math.sqrt(seeds)


def seeds_needed(std: float, wanted: float = ONE_POINT) -> int:
    """How many seeds narrow the t interval to ± ``wanted``; at most :data:`MOST_SEEDS`."""
    return next((n for n in range(2, MOST_SEEDS) if half_width(std, n) <= wanted), MOST_SEEDS)


def bootstrap(values: Scores) -> tuple[float, float]:
    """The percentile interval of the mean of values, whose (M,) clouds are drawn anew."""
    generator = np.random.default_rng(0)
    means = np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, 500):  # all at once would take a gigabyte for 10,000 clouds
        index = generator.integers(len(values), size=(min(500, RESAMPLES - start), len(values)))
        means[start : start + len(index)] = values[index].mean(1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def _p_value(mean: float, std: float, seeds: int) -> float:
    if std == 0:
        return float(mean == 0)
    return float(2 * stats.t.sf(abs(mean) / std * math.sqrt(seeds), seeds - 1))


def _mcnemar(own: Scores, other: Scores) -> tuple[int, int, float]:
    """Count the clouds that only one has right, and how likely so uneven a count is by chance."""
    only_own, only_other = int((own > other).sum()), int((own < other).sum())
    total = only_own + only_other
    chance = float(stats.binomtest(only_own, total).pvalue) if total else 1.0
    return only_own, only_other, chance
