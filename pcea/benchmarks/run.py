"""Run a benchmark: the limits of the machine, all contests, and further measurements."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from pcea.benchmarks.limits import GIB, Limits, measure_limits
from pcea.benchmarks.machine import available_bytes, describe_machine, say_machine
from pcea.benchmarks.measure import Clock, Contest, Contestant, Measured, compare
from pcea.benchmarks.memory import weigh
from pcea.benchmarks.report import Finding, complaints, document, outcome, say_limits
from pcea.threads import too_late

# A contestant is skipped if its call takes more seconds than this even at the machine's limit.
PATIENCE = 5.0
# The largest share of free memory that a contestant may need.
ROOM = 0.7


@dataclass
class Benchmark:
    """A benchmark and its results so far.

    Args:
        device: the device of the contestants.
        rounds: how many times each contestant is measured.
        memory: whether peak memory is measured, too.
        patience: a contestant that needs more seconds per call than this is skipped.
    """

    device: torch.device
    rounds: int
    memory: bool = True
    patience: float = PATIENCE
    machine: dict[str, Any] = field(init=False)
    limits: Limits = field(init=False)
    outcomes: list[Measured] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    def run(
        self,
        contests: Iterable[Contest],
        findings: Callable[[list[Measured], Limits], Iterable[Finding]] = lambda *_: (),
    ) -> Iterator[Finding]:
        """Measure the machine's limits, contests, whatever else there is, and the limits again.

        Args:
            contests: what to compare.
            findings: measures further things after all contests.

        Yields:
            The results, one by one. Ctrl-C ends it and sets ``interrupted``.
        """
        clock = clock_of(self.device)
        self.machine = describe_machine(self.device)
        yield Finding([line for line in (say_machine(self.machine), too_late()) if line])
        self.limits = measure_limits(self.device, clock)
        yield Finding([say_limits(self.limits)])
        try:
            options = self.device, self.limits, self.rounds, self.memory, self.patience
            for measured in run_contests(contests, *options):
                self.outcomes.append(measured)
                yield outcome(measured, self.limits)
                if measured.interrupted:
                    raise KeyboardInterrupt
            for found in findings(self.outcomes, self.limits):
                self.values |= found.values
                yield found
            again = measure_limits(self.device, clock)
            if again.above(self.limits):
                yield Finding(
                    [f"\nmeasured again at the end, {say_limits(again)}: shares are lower"]
                )
            self.limits = self.limits.best_with(again)
        except KeyboardInterrupt:
            self.interrupted = True
        lines = dict.fromkeys(line for each in self.outcomes for line in complaints(each))
        yield Finding(list(lines))

    def document(self, what: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Assemble the JSON file after :meth:`run`: ``what`` is the benchmark's name."""
        return document(
            *(what, options, self.machine, self.limits),
            *(self.outcomes, self.values, self.interrupted),
        )


def clock_of(device: torch.device) -> Clock:
    """Make a clock that waits for the device before it gives the seconds."""
    if device.type != "cuda":
        return time.perf_counter

    def now() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return now


def run_contests(
    contests: Iterable[Contest],
    device: torch.device,
    limits: Limits,
    rounds: int,
    memory: bool = True,
    patience: float = PATIENCE,
) -> Iterator[Measured]:
    """Measure contests one after the other, up to Ctrl-C.

    Args:
        contests: what to compare.
        device: the device of the contestants.
        limits: of the machine.
        rounds: how many times each contestant is measured.
        memory: whether peak memory is measured, too.
        patience: a contestant that needs more seconds per call than this is skipped.

    Yields:
        The outcome of each contest; the last one may be interrupted.
    """
    for contest in contests:
        refuse = refusal(limits, patience, available_bytes(device))
        measured = compare(contest, rounds, clock_of(device), refuse)
        if memory and not measured.interrupted:
            weigh(measured, device)
        yield measured
        if measured.interrupted:
            return


def refusal(limits: Limits, patience: float, room: int | None) -> Callable[[Contestant], str]:
    """Make a function that says why a contestant is skipped: it needs too much time or memory.

    Args:
        limits: of the machine.
        patience: the seconds that a call may need at the machine's limit.
        room: bytes of free memory; None: unknown.
    """

    def refuse(contestant: Contestant) -> str:
        rate = limits.products.get(contestant.precision, 0.0)
        least = contestant.work / rate if contestant.bounded and rate else 0.0
        if least > patience:
            return f"not run: a call takes {least:.0f} s or more on this machine"
        if room is not None and contestant.holds > ROOM * room:
            return (
                f"not run: it needs {contestant.holds / GIB:,.0f} GiB, {room / GIB:,.0f} are free"
            )
        return ""

    return refuse
