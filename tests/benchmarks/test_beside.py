"""What the times beside a busy process come to."""

import json
import time
from functools import partial
from typing import Any

import pytest
import torch

from pcea.benchmarks import beside as module
from pcea.benchmarks.beside import Beside, beside, say_ratios, table, why_not
from pcea.benchmarks.measure import Contest, Contestant, Measured
from pcea.benchmarks.training import beside_other_work

NAP = Contestant("nap", partial(partial, time.sleep, 0.02))
# Milliseconds of three pairs, and their ratios: 1.0, 0.5, 1.2 and 2.0, 1.5, 2.4.
MEASURED = Beside("eager", 2, "GOMP_SPINCOUNT=3000")
MEASURED.seconds = {
    "default": {"idle": [0.1, 0.2, 0.1], "busy": [0.4, 0.5, 0.6]},
    "pcea": {"idle": [0.1, 0.1, 0.12], "busy": [0.2, 0.3, 0.24]},
}


def test_ratios_are_against_the_idle_default_pair_by_pair() -> None:
    idle, busy = MEASURED.ratio("idle"), MEASURED.ratio("busy")
    assert idle is not None and busy is not None
    assert (idle.median, busy.median) == pytest.approx((1.0, 2.0))
    assert (busy.low, busy.high) == pytest.approx((1.75, 2.2))


def test_the_table_has_a_row_a_setting() -> None:
    titles, rows = table(MEASURED)
    assert rows == [
        ("libgomp's default", "100", "100–150", "500", "450–550"),
        ("GOMP_SPINCOUNT=3000", "100", "100–110", "240", "220–270"),
    ]
    assert len(titles) == 5
    idle, busy = say_ratios(MEASURED)
    assert "idle: 1.00 × (0.750–1.10)" in idle
    assert "beside one busy process (at most 2 is promised): 2.00 ×" in busy


def test_json_has_every_sample() -> None:
    found = json.loads(json.dumps(MEASURED.as_json()))
    assert found["samples"] == MEASURED.seconds
    assert found["ratio"]["busy"]["median"] == pytest.approx(2.0)
    assert found["at_most"] == 2 and found["error"] is None and not found["interrupted"]


def test_nothing_measured_is_no_ratio() -> None:
    found = Beside("eager", 1, "", error="a fresh process failed")
    assert found.ratio("idle") is None and found.as_json()["ratio"] == {"idle": None, "busy": None}
    assert table(found)[1][0] == ("libgomp's default", *"––––")
    assert say_ratios(found) == ["a fresh process failed"]


def test_settings_alternate_back_and_forth(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = list[str]()

    def measure(contestant: Contestant, setting: str, threads: int) -> dict[str, float]:
        settings.append(setting)
        return {"idle": float(len(settings)), "busy": 0.0}

    monkeypatch.setattr(module, "time_apart", measure)
    found = beside(NAP, pairs=3)
    assert settings == ["default", "pcea", "pcea", "default", "default", "pcea"]
    assert found.seconds["default"]["idle"] == [1, 4, 5]
    assert found.threads == torch.get_num_threads()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ChildProcessError("it failed")])
def test_what_was_measured_until_then_is_kept(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def measure(*rest: Any) -> dict[str, float]:
        if next(turn) == 3:
            raise error
        return {"idle": 1.0, "busy": 2.0}

    turn = iter(range(10))
    monkeypatch.setattr(module, "time_apart", measure)
    found = beside(NAP, pairs=3)
    assert found.seconds["pcea"]["busy"] == [2.0, 2.0]
    assert found.interrupted == isinstance(error, KeyboardInterrupt)
    assert found.error == ("" if found.interrupted else "it failed")


def test_a_gpu_and_another_openmp_have_nothing_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cuda" in why_not(torch.device("cuda"))
    monkeypatch.setattr(module, "uses_libgomp", lambda: False)
    assert "libgomp" in why_not(torch.device("cpu"))
    outcome = Measured(Contest("a step", [NAP], "nap"), [])
    (found,) = beside_other_work(outcome, torch.device("cpu"), pairs=1)
    assert "not measured, torch does not compute with libgomp" in str(found.parts[0])
    monkeypatch.setattr(module, "uses_libgomp", lambda: True)
    assert why_not(torch.device("cpu")) == ""
