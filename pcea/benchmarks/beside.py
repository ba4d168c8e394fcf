"""Time a call on an idle machine, and while another process keeps a core busy.

Both are measured with pcea's setting (:mod:`pcea.threads`) and with libgomp's default, each in a
new process, because libgomp reads its setting only when it is loaded.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pcea.benchmarks.fresh import SETTINGS, STATES, Setting, State, time_apart
from pcea.benchmarks.measure import Contestant, Quartiles, back_and_forth, quartiles
from pcea.benchmarks.report import NOTHING, number
from pcea.threads import WAITING, missing, uses_libgomp

# The promised upper bound: a step beside one busy process, divided by an idle one with libgomp's
# default.
MOST = 2.0


@dataclass
class Beside:
    """The times of one contestant's call, all of them or those until an error or Ctrl-C.

    Args:
        contestant: the name of the contestant.
        threads: how many threads torch used.
        setting: the variables of pcea's setting, or those that the user has set instead.
        seconds: by setting and state, the median time of a call in each process.
        error: why measuring stopped; empty if it did not.
        interrupted: whether Ctrl-C ended it early.
    """

    contestant: str
    threads: int
    setting: str
    seconds: dict[Setting, dict[State, list[float]]] = field(
        default_factory=lambda: {each: {state: [] for state in STATES} for each in SETTINGS}
    )
    error: str = ""
    interrupted: bool = False

    def ratio(self, state: State) -> Quartiles | None:
        """Divide pcea's times in a state by the idle times of libgomp's default, pair by pair.

        It is None before the first pair is complete.
        """
        own, default = self.seconds["pcea"][state], self.seconds["default"]["idle"]
        ratios = [ours / theirs for ours, theirs in zip(own, default, strict=False)]
        return quartiles(ratios) if ratios else None

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values; times are in seconds."""
        ratios = {state: self.ratio(state) for state in STATES}
        return {
            "contestant": self.contestant,
            "threads": self.threads,
            "setting": self.setting,
            "samples": self.seconds,
            "ratio": {state: each and each._asdict() for state, each in ratios.items()},
            "at_most": MOST,
            "error": self.error or None,
            "interrupted": self.interrupted,
        }


def beside(contestant: Contestant, pairs: int = 3) -> Beside:
    """Time a contestant's call on an idle CPU and beside one busy process, with both settings.

    Args:
        contestant: what to measure; each new process builds it again.
        pairs: how many processes measure each setting, alternately.

    Returns:
        The times until the end, Ctrl-C or a process that failed.
    """
    variables = {**missing(), **os.environ}
    setting = " ".join(f"{name}={variables[name]}" for name in WAITING if name in variables)
    found = Beside(contestant.name, torch.get_num_threads(), setting)
    try:
        for turn in range(pairs):
            for each in back_and_forth(SETTINGS, turn):
                for state, seconds in time_apart(contestant, each, found.threads).items():
                    found.seconds[each][state].append(seconds)
    except ChildProcessError as error:
        found.error = str(error)
    except KeyboardInterrupt:
        found.interrupted = True
    return found


def why_not(device: torch.device) -> str:
    """Say why there is nothing to measure; empty if there is."""
    if device.type != "cpu":
        return f"the work is done by {device.type}"
    return "" if uses_libgomp() else "torch does not compute with libgomp here"


def table(measured: Beside) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Give the table's header, and one row per setting with medians and quartiles."""
    names: dict[Setting, str] = {"default": "libgomp's default", "pcea": measured.setting}
    rows = [
        (names[setting], *(cell for state in STATES for cell in _cells(by_state[state])))
        for setting, by_state in measured.seconds.items()
    ]
    return ("how threads wait", "idle ms", "quartiles", "beside ms", "quartiles"), rows


def say_ratios(measured: Beside) -> list[str]:
    """Give one line per known ratio, and one for an error."""
    lines = []
    titles: dict[State, str] = {
        "idle": "idle",
        "busy": f"beside one busy process (at most {MOST:g} is promised)",
    }
    for state, title in titles.items():
        ratio = measured.ratio(state)
        if ratio is not None:
            lines.append(
                f"{measured.setting} by the idle default, {title}: {number(ratio.median)} × "
                f"({number(ratio.low)}–{number(ratio.high)})"
            )
    return lines + [measured.error] * bool(measured.error)


def _cells(seconds: Sequence[float]) -> tuple[str, str]:
    if not seconds:
        return NOTHING, NOTHING
    low, median, high = (number(1e3 * each) for each in quartiles(seconds))
    return median, f"{low}–{high}"
