"""The measuring itself, on a clock that stands still unless a contestant moves it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pcea.benchmarks.measure import (
    ENOUGH_SECONDS,
    Contest,
    Contestant,
    NotInstalled,
    Quartiles,
    back_and_forth,
    compare,
    quartiles,
)


def contest(*contestants: Contestant, **more: Any) -> Contest:
    return Contest("race", contestants, **{"reference": contestants[0].name, **more})


def failing(after: int) -> Callable[[], Callable[[], None]]:
    """Builds a call that works so often, and raises from then on."""

    def build() -> Callable[[], None]:
        left = iter(range(after))

        def call() -> None:
            if next(left, None) is None:
                raise RuntimeError("broken\nin two lines")

        return call

    return build


def test_everyone_runs_once_a_round_back_and_forth(clock: Any) -> None:
    a, b, c = (clock.contestant(name, lambda i: 1.0) for name in "abc")
    compare(contest(a, b, c), rounds=3, clock=clock)
    warm_up, rounds = clock.ran[:6], clock.ran[6:]
    assert "".join(warm_up) == "aabbcc"
    assert "".join(rounds) == "abc" + "cba" + "abc"


def test_a_steady_drift_slows_nobody_more() -> None:
    for count in (2, 3, 4):
        places = [[], []]
        for turn in range(2):
            order = back_and_forth(list(range(count)), turn)
            places[turn] = [list(order).index(item) for item in range(count)]
        assert {x + y for x, y in zip(*places, strict=True)} == {count - 1}


def test_the_reference_is_called_first(clock: Any) -> None:
    a, b = (clock.contestant(name, lambda i: 1.0) for name in "ab")
    measured = compare(contest(a, b, reference="b"), rounds=1, clock=clock)
    assert clock.ran[0] == "b"
    assert [row.contestant.name for row in measured.rows] == ["a", "b"]
    assert measured.reference is measured.rows[1]


def test_medians_and_quartiles_leave_the_warm_up_out(clock: Any) -> None:
    times = [90.0, 7.0, 1.0, 4.0, 2.0, 3.0, 100.0]
    slow = clock.contestant("slow", lambda i: times[i])
    row = compare(contest(slow), rounds=5, clock=clock).rows[0]
    assert row.first_call == 90
    assert row.seconds == times[2:]
    assert row.time == Quartiles(*np.percentile(times[2:], (25, 50, 75)))


def test_ratios_pair_the_times_of_a_round(clock: Any) -> None:
    # The machine becomes ten times slower on the way: the medians' ratio would not be 2.
    drift = [1.0, 1.0, 1.0, 10.0, 10.0]
    a = clock.contestant("a", lambda i: 2 * drift[i])
    b = clock.contestant("b", lambda i: drift[i])
    measured = compare(contest(a, b), rounds=3, clock=clock)
    assert measured.ratio(measured.rows[0]) == (1, 1, 1)
    assert measured.ratio(measured.rows[1]) == (2, 2, 2)


def test_short_calls_are_repeated(clock: Any) -> None:
    quick = clock.contestant("quick", lambda i: 0.25)
    row = compare(contest(quick), rounds=2, clock=clock, least=1.1).rows[0]
    assert clock.ran == ["quick"] * (2 + 2 * 5)
    assert row.seconds == [0.25, 0.25]


def test_the_slow_drop_out_after_two_rounds_but_not_the_reference(clock: Any) -> None:
    a = clock.contestant("a", lambda i: ENOUGH_SECONDS)
    b = clock.contestant("b", lambda i: ENOUGH_SECONDS)
    measured = compare(contest(a, b), rounds=5, clock=clock)
    assert [len(row.seconds) for row in measured.rows] == [5, 2]
    assert measured.ratio(measured.rows[1]) == (1, 1, 1)


def test_results_are_held_against_whom_they_should_be_like(clock: Any) -> None:
    likes = {"a": "", "b": "", "c": None, "d": "b"}
    made = [
        clock.contestant(name, lambda i: 1.0, result=2**i, like=like)
        for i, (name, like) in enumerate(likes.items())
    ]
    measured = compare(contest(*made, agree=lambda x, y: x - y), rounds=1, clock=clock)
    assert [row.agreement for row in measured.rows] == [0, 1, None, 6]


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_failure_stays_in_its_row(clock: Any, after: int) -> None:
    good = clock.contestant("good", lambda i: 1.0)
    bad = Contestant("bad", failing(after))
    measured = compare(contest(good, bad), rounds=3, clock=clock)
    assert measured.rows[0].seconds == [1, 1, 1]
    assert measured.rows[1].error == "failed: RuntimeError: broken in two lines"
    assert measured.rows[1].seconds == []
    assert measured.ratio(measured.rows[1]) is None


def test_without_the_reference_the_first_is_compared_with(clock: Any) -> None:
    a = Contestant("a", failing(0))
    b, c = (clock.contestant(name, lambda i, t=t: t) for name, t in (("b", 3.0), ("c", 1.0)))
    measured = compare(contest(a, b, c), rounds=1, clock=clock)
    assert measured.reference is measured.rows[1]
    assert measured.ratio(measured.rows[2]) == (3, 3, 3)


def test_the_absent_say_how_to_get_them(clock: Any) -> None:
    def build() -> Callable[[], None]:
        raise NotInstalled("pip install it")

    measured = compare(contest(Contestant("peer", build)), clock=clock)
    assert measured.rows[0].error == "not installed: pip install it"
    assert measured.reference is None


def test_the_refused_are_not_built(clock: Any) -> None:
    huge = Contestant("huge", failing(0), holds=1 << 50)
    measured = compare(
        contest(huge), clock=clock, refuse=lambda each: "too large" if each.holds else ""
    )
    assert measured.rows[0].error == "too large"


def test_ctrl_c_keeps_what_was_measured(clock: Any) -> None:
    def takes(i: int) -> float:
        if i == 4:
            raise KeyboardInterrupt
        return 1.0

    a = clock.contestant("a", lambda i: 2.0)
    b = clock.contestant("b", takes)
    measured = compare(contest(a, b), rounds=9, clock=clock)
    assert measured.interrupted
    # The third round ran a and was broken off in b.
    assert [len(row.seconds) for row in measured.rows] == [3, 2]
    assert measured.ratio(measured.rows[1]) == (2, 2, 2)


def test_one_value_is_its_own_spread() -> None:
    assert quartiles([3.0]) == (3, 3, 3)
