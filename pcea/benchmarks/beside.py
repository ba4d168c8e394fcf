"""A call on a machine that is idle, and beside a process that keeps a core busy.

Each is measured with the setting that pcea makes (:mod:`pcea.threads`) and with libgomp's default,
in fresh processes, since libgomp reads its setting when it is loaded.
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

# How many times the idle step of libgomp's default a step beside one busy process may take.
MOST = 2.0


@dataclass
class Beside:
    """What was measured, whole or as far as it got.

    Args:
        contestant: the name of whose call it is.
        threads: how many torch used.
        setting: the variables of pcea's setting, or those that the user has set instead.
        seconds: of a call by setting and state, one a pair: the median of the calls of a process.
        error: why there is nothing, or no more.
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
        """A call in that state as pcea sets it, by an idle one of libgomp's default, pair by pair.

        None where no pair is whole.
        """
        own, default = self.seconds["pcea"][state], self.seconds["default"]["idle"]
        ratios = [ours / theirs for ours, theirs in zip(own, default, strict=False)]
        return quartiles(ratios) if ratios else None

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values; times are in seconds."""
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
    """Measure a call on the CPU idle and beside one busy process, with both settings.

    Args:
        contestant: whose call; other processes build it, too.
        pairs: how many processes of each setting, in turn, back and forth. Default 3.

    Returns:
        The times, up to Ctrl-C or to a process that failed.
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
    """Why there is nothing to measure, or an empty text."""
    if device.type != "cpu":
        return f"the work is done by {device.type}"
    return "" if uses_libgomp() else "torch does not compute with libgomp here"


def table(measured: Beside) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The words above the columns, and a line a setting: medians between their quartiles."""
    names: dict[Setting, str] = {"default": "libgomp's default", "pcea": measured.setting}
    rows = [
        (names[setting], *(cell for state in STATES for cell in _cells(by_state[state])))
        for setting, by_state in measured.seconds.items()
    ]
    return ("how threads wait", "idle ms", "quartiles", "beside ms", "quartiles"), rows


def say_ratios(measured: Beside) -> list[str]:
    """A line a ratio that is known, and one for what went wrong."""
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
