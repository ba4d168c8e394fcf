"""Peak memory, in a process of its own."""

import os
from functools import partial

import pytest
import torch

from pcea.benchmarks import memory
from pcea.benchmarks.measure import Contest, Contestant, compare
from pcea.benchmarks.memory import RESET, weigh

CPU = torch.device("cpu")
MIB = 1 << 20
linux = pytest.mark.skipif(not os.access(RESET, os.W_OK), reason="the system tells no peaks")


@linux
def test_a_call_holds_what_it_makes() -> None:
    # Both are there at once: the scrap, and the result; what is handed out again counts, too.
    contestant = Contestant("fill", partial(partial, torch.ones, 64 * MIB, dtype=torch.uint8))
    measured = compare(Contest("fill", [contestant], "fill"), rounds=1)
    weigh(measured, CPU)
    peak = measured.rows[0].peak
    assert peak is not None
    assert 64 * MIB <= peak < 80 * MIB


@linux
def test_who_fails_elsewhere_has_no_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CHILD", "raise SystemExit(1)")
    contestant = Contestant("odd", partial(partial, os.getppid))
    measured = compare(Contest("odd", [contestant], "odd"), rounds=1)
    weigh(measured, CPU)
    assert measured.rows[0].seconds and measured.rows[0].peak is None


def test_who_was_not_measured_is_not_weighed() -> None:
    measured = compare(Contest("no", [Contestant("no", partial(os.stat, "/no/place"))], "no"))
    weigh(measured, CPU)
    assert measured.rows[0].peak is None
