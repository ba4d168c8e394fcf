"""The kernels of a step against limits that are made up."""

import pytest
import torch
from matplotlib.figure import Figure

from pcea.benchmarks.kernels import draw_roofline, kernel_contest, roofline
from pcea.benchmarks.limits import Limits
from pcea.benchmarks.measure import Contest, Contestant, Measured, Row, compare

CPU = torch.device("cpu")
LIMITS = Limits({"float32": 100e9, "bf16": 50e9}, 10e9)


def made_up() -> Measured:
    heavy = Contestant("heavy", lambda: lambda: None, work=80e9, moved=1e9)
    light = Contestant("light", lambda: lambda: None, work=1e9, moved=5e9)
    rows = [Row(heavy, seconds=[2.0]), Row(light, seconds=[1.0])]
    return Measured(Contest("kernels", [heavy, light], reference=None), rows)


def test_every_kernel_runs_and_states_its_work() -> None:
    for precision in ("float32", "bf16"):
        contest = kernel_contest(2, 32, 8, 4, precision, CPU)  # type: ignore[arg-type]
        measured = compare(contest, rounds=1, least=0.0)
        assert [row.error for row in measured.rows] == [""] * len(contest.contestants)
        assert all(each.work > 0 and each.moved > 0 for each in contest.contestants)


def test_the_product_of_the_edges_is_counted_as_by_hand() -> None:
    contest = kernel_contest(2, 32, 8, 4, "float32", CPU)
    (edges,) = [each for each in contest.contestants if each.name.endswith("maximum, forward")]
    # Two clouds of 16 centers with 4 neighbors each, 8 channels to 16, a product and a sum each.
    assert edges.work == 2 * (2 * 16 * 4) * 8 * 16


def test_a_device_without_tiles_has_no_kernels_of_edges() -> None:
    names = [
        each.name
        for each in kernel_contest(2, 32, 8, 4, "float32", torch.device("cuda")).contestants
    ]
    assert names and not any("edge" in name for name in names)


def test_the_lower_limit_bounds() -> None:
    (found,) = roofline([made_up()], LIMITS)
    heavy, light = found.values["kernels"]["heavy"], found.values["kernels"]["light"]
    assert heavy["bound"] == "arithmetic" and heavy["share_of_bound"] == pytest.approx(0.4)
    # 0.2 operations a byte at 10 GB/s are 2 GFLOP/s, of which it reaches half.
    assert light["bound"] == "bandwidth" and light["share_of_bound"] == pytest.approx(0.5)


def test_the_picture_has_a_roof_and_each_kernel() -> None:
    figure = draw_roofline([made_up()], LIMITS, "a machine")
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    roof, *marks = axes.lines
    assert max(roof.get_ydata()) == pytest.approx(100)  # type: ignore[arg-type]
    assert [mark.get_label() for mark in marks] == ["heavy", "light"]
    assert [float(mark.get_ydata()[0]) for mark in marks] == [40, 1]  # type: ignore[index]
