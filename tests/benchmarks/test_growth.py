"""Exponents of the growth of times: known powers, and contestants that were not measured."""

import pytest

from pcea.benchmarks.growth import growth, growth_findings
from pcea.benchmarks.measure import Contest, Contestant, Measured, Row


def outcome(size: int | None, subject: str = "Forward", **seconds: list[float]) -> Measured:
    contestants = {name: Contestant(name, lambda: lambda: None) for name in seconds}
    contest = Contest(f"{subject}: {size} points", [*contestants.values()], None, size=size)
    return Measured(contest, [Row(contestants[name], each) for name, each in seconds.items()])


def test_powers_are_found() -> None:
    sizes = (32, 64, 256)
    measured = [outcome(n, line=[2e-3 * n], square=[1e-6 * n**2], flat=[1.0]) for n in sizes]
    found = growth(measured)
    assert list(found) == ["line", "square", "flat"]
    for name, power in (("line", 1), ("square", 2), ("flat", 0)):
        assert found[name] == {
            (32, 64): pytest.approx(power, abs=1e-12),
            (64, 256): pytest.approx(power, abs=1e-12),
        }


def test_the_median_of_the_rounds_counts() -> None:
    found = growth([outcome(10, one=[1.0, 1.0, 9.0]), outcome(100, one=[10.0, 0.1, 10.0])])
    assert found == {"one": {(10, 100): pytest.approx(1.0)}}


def test_only_sizes_next_to_each_other_are_compared() -> None:
    measured = [outcome(8, one=[1.0], two=[1.0]), outcome(16, one=[2.0], two=[])]
    measured += [outcome(32, one=[4.0], two=[4.0])]
    found = growth(measured)
    assert list(found["one"]) == [(8, 16), (16, 32)]
    assert found["two"] == {}


def test_there_is_a_table_for_each_computation() -> None:
    both = ("Forward", "Forward and backward")
    measured = [outcome(n, subject, one=[n / 8.0]) for subject in both for n in (8, 16)]
    (found,) = growth_findings([*measured, outcome(16, "Forward", late=[1.0])])
    title, table, second, _ = found.parts
    assert str(title).startswith("\nForward: ")
    assert str(second).startswith("\nForward and backward: ")
    assert table == (("contestant", "8 to 16"), [("one", "1.00")])
    pair = [{"from": 8, "to": 16, "exponent": pytest.approx(1.0)}]
    assert found.values == {
        "growth": {"Forward": {"one": pair, "late": []}, "Forward and backward": {"one": pair}}
    }


def test_one_size_and_no_size_say_nothing() -> None:
    assert not list(growth_findings([outcome(8, one=[1.0])]))
    assert not list(growth_findings([outcome(None, one=[1.0]), outcome(None, one=[2.0])]))
    assert not list(growth_findings([]))
