"""The machine's limits, and operations counted by hand."""

import itertools

import pytest
import torch
from torch import nn

from pcea.benchmarks.limits import Limits, count_operations, measure_limits
from pcea.benchmarks.measure import Contestant


def test_limits_follow_from_size_and_time() -> None:
    ticks = itertools.count()
    limits = measure_limits(
        torch.device("cpu"), clock=lambda: float(next(ticks)), sizes=(4, 8), copied=4096, repeats=1
    )
    # Each try takes one tick.
    assert limits.products == {"float32": 2 * 8**3, "bf16": 2 * 8**3}
    assert limits.copy == 2 * 4096


def test_limits_are_measured() -> None:
    limits = measure_limits(torch.device("cpu"), sizes=(64,), copied=1 << 16)
    assert min(*limits.products.values(), limits.copy) > 0


def test_a_slow_product_is_tried_once_and_no_larger_one() -> None:
    calls = itertools.count()
    measure_limits(
        torch.device("cpu"), clock=lambda: 10.0 * next(calls), sizes=(4, 8), copied=64, repeats=5
    )
    assert next(calls) == 2 * 3  # two precisions and the copy, a start and an end each


def test_operations_of_a_linear_layer_are_those_on_paper() -> None:
    layer, x = nn.Linear(5, 7), torch.randn(3, 5)
    assert count_operations(lambda: layer(x)) == 2 * 3 * 5 * 7
    # Backward: one product for the weight's gradient; the input needs none.
    assert count_operations(lambda: layer(x).sum().backward()) == 2 * 2 * 3 * 5 * 7


def test_share_of_the_limit() -> None:
    limits = Limits({"float32": 100.0, "bf16": 400.0}, copy=1.0)
    one = Contestant("one", lambda: lambda: None, work=50)
    assert limits.share(one, 2.0) == pytest.approx(0.25)
    assert limits.share(Contestant("two", one.build, work=50, precision="bf16"), 2.0) == 0.0625
    assert limits.share(Contestant("three", one.build), 2.0) is None
