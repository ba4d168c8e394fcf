"""Paired differences against scipy and against cases that are counted by hand."""

import numpy as np
import pytest
from scipy import stats

from pcea.comparison import statistics
from pcea.comparison.statistics import Difference, bootstrap, difference, half_width, seeds_needed
from pcea.errors import InputError


def test_the_interval_over_seeds_is_that_of_the_paired_t_test() -> None:
    generator = np.random.default_rng(1)
    own, other = generator.random((4, 50)), generator.random((4, 50))
    found = difference(own, other)
    expected = stats.ttest_rel(own.mean(1), other.mean(1))
    interval = expected.confidence_interval(0.95)
    assert found.over_seeds == pytest.approx((interval.low, interval.high))
    assert found.p_seeds == pytest.approx(expected.pvalue)
    assert found.mean == pytest.approx((own - other).mean())
    assert found.std == pytest.approx(np.std(own.mean(1) - other.mean(1), ddof=1))
    assert found.mcnemar == ()


def test_the_interval_over_clouds_is_that_of_a_mean_of_many() -> None:
    values = np.random.default_rng(2).normal(0.02, 0.3, 400)
    expected = stats.norm.interval(0.95, values.mean(), values.std() / 20)
    assert bootstrap(values) == pytest.approx(expected, abs=0.002)
    assert bootstrap(values) == bootstrap(values)


def test_mcnemar_counts_the_clouds_that_only_one_has_right() -> None:
    # Four clouds: both right, only the first one, only the first one, only the second one.
    found = difference(np.array([[1.0, 1, 1, 0]]), np.array([[1.0, 0, 0, 1]]))
    # Of three coins, two or more show one side: certain.
    assert found.mcnemar == ((2, 1, 1.0),)
    assert found.mean == 0.25
    # Ten to nothing: both tails of ten coins that agree.
    found = difference(np.ones((1, 10)), np.zeros((1, 10)))
    assert found.mcnemar[0][2] == pytest.approx(2 / 2**10)


def test_one_seed_has_no_interval_over_seeds() -> None:
    found = difference(np.ones((1, 10)), np.zeros((1, 10)))
    assert (found.std, found.over_seeds, found.p_seeds, found.needed) == (None,) * 4
    assert found.verdict == "one seed only" and found.too_few


def test_seeds_for_an_interval_of_one_point() -> None:
    # With a deviation of one point: t(n − 1) / √n is 1.05 for six seeds, and 0.92 for seven.
    assert half_width(0.01, 6) == pytest.approx(2.571 * 0.01 / 6**0.5, rel=1e-3)
    assert seeds_needed(0.01) == 7
    assert seeds_needed(0.0) == 2
    assert seeds_needed(10.0) == 1000


@pytest.mark.parametrize(
    ("over_seeds", "over_clouds", "interval", "expected"),
    [
        # Three and four thousandths to each side make five.
        ((0.003, 0.009), (0.002, 0.010), (0.001, 0.011), "better"),
        ((-0.003, 0.015), (0.002, 0.010), (0.006 - 97**0.5 / 1e3, 0.006 + 97**0.5 / 1e3), "no"),
        # Neither of the two contains zero, but that over both does.
        ((0.001, 0.011), (0.001, 0.010), (0.006 - 50**0.5 / 1e3, 0.006 + 41**0.5 / 1e3), "no"),
    ],
)
def test_the_interval_is_over_seeds_and_clouds(
    over_seeds: tuple[float, float],
    over_clouds: tuple[float, float],
    interval: tuple[float, float],
    expected: str,
) -> None:
    found = Difference(0.006, 0.01, 3, over_seeds, over_clouds, 0.5, (), 7)
    assert found.interval == pytest.approx(interval)
    assert found.verdict.split()[0] == expected
    assert found.too_few
    mirrored = ((-high, -low) for low, high in (over_seeds, over_clouds))
    worse = Difference(-0.006, 0.01, 3, *mirrored, 0.5, (), 7)
    assert worse.verdict == ("worse" if expected == "better" else found.verdict)


def test_equals_are_seldom_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 500)  # twenty times as fast
    # The scores of each seed and of each cloud vary, and no attention is better than the other.
    generator, told, trials = np.random.default_rng(4), 0, 300
    for _ in range(trials):
        own, other = (
            generator.normal(0, 0.45, (20, 1)) + generator.normal(0, 0.5, (1, 25)) for _ in range(2)
        )
        told += difference(own, other).verdict in ("better", "worse")
    assert (
        told / trials < 0.08
    )  # 5 %, within what 300 trials tell; 14 % if each interval alone decided


def test_scores_that_do_not_pair_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(1, 3\) and \(1, 4\)"):
        difference(np.ones((1, 3)), np.ones((1, 4)))
