"""Whole benchmarks: what is refused, and where they end."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from pcea.benchmarks.limits import Limits
from pcea.benchmarks.measure import Contest, Contestant
from pcea.benchmarks.run import clock_of, refusal, run_contests
from pcea.cli.weights import pick_device
from pcea.errors import InputError

CPU = torch.device("cpu")
LIMITS = Limits({"float32": 100.0, "bf16": 400.0}, copy=1.0)


def nothing() -> Callable[[], None]:
    return lambda: None


def test_what_takes_too_long_is_refused() -> None:
    refuse = refusal(LIMITS, patience=5.0, room=None)
    assert refuse(Contestant("a", nothing, work=500)) == ""
    assert "takes 6 s or more" in refuse(Contestant("a", nothing, work=600))
    assert refuse(Contestant("a", nothing, work=600, precision="bf16")) == ""
    assert refuse(Contestant("a", nothing, work=600, bounded=False)) == ""


def test_what_finds_no_room_is_refused() -> None:
    refuse = refusal(LIMITS, patience=5.0, room=10 << 30)
    assert "needs 9 GiB, 10 are free" in refuse(Contestant("a", nothing, holds=9 << 30))
    assert refuse(Contestant("a", nothing, holds=6 << 30)) == ""


def test_ctrl_c_ends_the_benchmark_after_its_contest() -> None:
    def interrupt() -> Callable[[], None]:
        raise KeyboardInterrupt

    contests = [
        Contest(name, [Contestant(name, build)], name)
        for name, build in (("one", nothing), ("two", interrupt), ("three", nothing))
    ]
    found = list(run_contests(contests, CPU, LIMITS, rounds=1, memory=False))
    assert [each.contest.title for each in found] == ["one", "two"]
    assert [each.interrupted for each in found] == [False, True]


def test_devices() -> None:
    assert pick_device("cpu") == CPU
    with pytest.raises(InputError, match="--device gpu cannot be used"):
        pick_device("gpu")


def test_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock_of(CPU) is time.perf_counter
    waited = list[Any]()
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    device = torch.device("cuda", 0)
    assert clock_of(device)() <= time.perf_counter()
    assert waited == [device]
