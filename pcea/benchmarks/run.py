"""A benchmark from its first contest to its last."""

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

# A call that must take longer than this even at the machine's limit is left out.
PATIENCE = 5.0
# The share of free memory that a contestant may need.
ROOM = 0.7


@dataclass
class Benchmark:
    """A benchmark, and what it has found so far.

    Args:
        device: where the contestants run.
        rounds: samples of each contestant.
        memory: whether peak memory is measured, too.
        patience: seconds a call; who cannot be done within it is not begun.
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
        findings: Callable[[list[Measured]], Iterable[Finding]] = lambda outcomes: (),
    ) -> Iterator[Finding]:
        """Measure the machine's limits, contests, whatever else there is, and the limits again.

        Args:
            contests: what to compare.
            findings: measures more, once all contests are over.

        Yields:
            What is found, as it is known. Ctrl-C ends it and sets ``interrupted``.
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
            for found in findings(self.outcomes):
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
        """The content of the JSON file, once all is measured: see :func:`pcea.benchmarks.report`.

        Args:
            what: the benchmark's name.
            options: what the user chose.
        """
        return document(
            *(what, options, self.machine, self.limits),
            *(self.outcomes, self.values, self.interrupted),
        )


def clock_of(device: torch.device) -> Clock:
    """A clock that waits until the device has done what it was given."""
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
        device: where the contestants run.
        limits: of the machine; who cannot be done within ``patience`` is not begun.
        rounds: samples of each contestant.
        memory: whether peak memory is measured, too. Default true.
        patience: seconds a call.

    Yields:
        The outcome of each as it is known; the last one may be interrupted.
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
    """Why a contestant is not to be begun: it would take too long, or more memory than is free.

    Args:
        limits: of the machine.
        patience: seconds that a call may take at least.
        room: bytes that are free, None where nobody knows.
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
