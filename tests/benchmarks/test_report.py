"""Tables, JSON and pictures of what was measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from pcea.benchmarks.limits import Limits
from pcea.benchmarks.measure import Contest, Measured, compare
from pcea.benchmarks.picture import draw
from pcea.benchmarks.report import agreement, complaints, document, number, table
from pcea.pictures import save

LIMITS = Limits({"float32": 1000.0, "bf16": 1000.0}, copy=1e9)


def race(clock: Any, title: str = "race: of two", size: int | None = None) -> Measured:
    contestants = [
        clock.contestant("slow", lambda i: 4.0, kind="plain", work=1000, result=1.0),
        clock.contestant("quick", lambda i: 1.0, kind="ours", work=500, result=1.0),
    ]
    contest = Contest(title, contestants, "slow", 8.0, agree=lambda x, y: float(x == y), size=size)
    return compare(contest, rounds=2, clock=clock)


def test_the_ratio_stands_first(clock: Any) -> None:
    measured = race(clock)
    titles, (slow, quick) = table(measured, LIMITS)
    assert titles[:2] == ("contestant", "×")
    assert quick[:6] == ("quick", "4.00 ×", "4.00–4.00", "1,000", "1,000–1,000", "8.00")
    assert (slow[7], quick[7]) == ("25 %", "50 %")
    # Nobody's memory was measured.
    assert len(quick) == len(titles) == 10 and "peak MiB" not in titles
    measured.rows[0].peak = 3 << 20
    titles, (slow, quick) = table(measured, LIMITS)
    assert (slow[titles.index("peak MiB")], quick[titles.index("peak MiB")]) == ("3.00", "–")


def test_json_holds_every_sample(clock: Any) -> None:
    measured = race(clock)
    measured.rows[0].seconds.clear()
    measured.rows[0].error = "failed: it"
    machine = {"cpu": "a"}
    whole = json.loads(json.dumps(document("x", {"b": 1}, machine, LIMITS, [measured], {}, False)))
    assert whole["benchmark"] == "x" and whole["machine"] == machine and not whole["interrupted"]
    slow, quick = whole["contests"][0]["rows"]
    assert slow["error"] == "failed: it" and slow["ratio"] is None and slow["seconds"] is None
    assert quick["samples"] == [1, 1] and quick["seconds"] == {"median": 1, "low": 1, "high": 1}
    assert quick["share_of_limit"] == 0.5 and quick["per_second"] == 8
    assert whole["contests"][0]["reference"] == "quick"
    assert complaints(measured) == ["slow: failed: it"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346"), (99.94, "99.9"), (3.14159, "3.14"), (0.5, "0.500"), (0.00012, "0.0001")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_agreement_is_whole_only_where_all_agree() -> None:
    assert agreement(1.0, "same indices") == "100 %"
    assert agreement(0.999999, "same indices") == "99.99 %"
    assert agreement(0.25, "same indices") == "25.00 %"
    assert agreement(1.5e-7, "difference") == "1.5e-07"


def test_a_picture_of_ratios(clock: Any, tmp_path: Path) -> None:
    figure = draw([race(clock), race(clock, "another: one")], "a machine")
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert texts == ["1.00 ×   4.00 s", "4.00 ×   1.00 s"] * 2
    save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_bars_of_ratios_far_apart_begin_at_one(clock: Any) -> None:
    takes = {"a": 100.0, "b": 1.0, "c": 400.0}
    made = [clock.contestant(name, lambda i, t=t: t) for name, t in takes.items()]
    (axes,) = draw([compare(Contest("race", made, "a"), rounds=1, clock=clock)]).axes
    assert axes.get_xscale() == "log"
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
    assert bars == [(1, 1), (1, 100), (1, 0.25)]


def test_a_picture_of_times_over_sizes(clock: Any, tmp_path: Path) -> None:
    figure = draw([race(clock, f"race: {n}", n) for n in (1024, 2048, 1_000_000)])
    (axes,) = figure.axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1 k", "2 k", "1 M"]
    assert [list(line.get_ydata()) for line in axes.lines] == [[4000] * 3, [1000] * 3]
    save(figure, tmp_path / "a.svg")


def test_nothing_measured_is_an_empty_picture() -> None:
    draw([])
