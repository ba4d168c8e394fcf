"""Measure contestants in turns, and compare their times."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

Call = Callable[[], Any]
Clock = Callable[[], float]
Kind = Literal["plain", "ours", "peer"]
Precision = Literal["float32", "bf16"]
T = TypeVar("T")

# A measurement lasts at least so long, by several calls: a shorter one would measure the clock.
LEAST_SECONDS = 0.02
# A contestant that has been measured at least twice and for so long is not measured again, because
# one slow contestant would take longer than all others.
ENOUGH_SECONDS = 20.0


class NotInstalled(Exception):
    """A contestant needs what is not installed; the message says how to install it."""


@dataclass(frozen=True)
class Contestant:
    """One implementation that takes part in a contest.

    Args:
        name: its name in tables.
        build: makes the call that is timed, itself untimed. It must be a function of a module with
            bound arguments, so that another process can build the call, too.
        kind: ``plain`` reference, ``ours``, or a ``peer``.
        work: floating point operations of a call; 0: not counted.
        precision: ``float32`` or ``bf16``, whose rate of the machine is the limit.
        holds: bytes that it needs beside its input; 0: unknown.
        bounded: whether ``work`` is a lower bound of a call; not if an index avoids most of it.
        moved: bytes that must at least be read and written; 0: not counted.
        like: the name of an earlier contestant with which its result should agree. Default: the
            reference; None: there is none.
    """

    name: str
    build: Callable[[], Call]
    kind: Kind = "peer"
    work: float = 0.0
    precision: Precision = "float32"
    holds: int = 0
    bounded: bool = True
    moved: float = 0.0
    like: str | None = ""


@dataclass(frozen=True)
class Contest:
    """A comparison of several implementations of one computation.

    Args:
        title: what all contestants compute, in one line.
        contestants: the implementations.
        reference: the name of the contestant that ratios refer to; if it is not run, they refer to
            the first one that is. None: there are no ratios.
        items: how many of ``unit`` a call processes.
        unit: such as ``clouds``.
        agree: measures how far two results agree. Default: results are not compared.
        agreement: what ``agree`` measures, as the header of its column.
        size: the size of a cloud, the axis of a picture of several contests. Default: no axis.
    """

    title: str
    contestants: Sequence[Contestant]
    reference: str | None
    items: float = 0.0
    unit: str = "clouds"
    agree: Callable[[Any, Any], float] | None = None
    agreement: str = "same"
    size: int | None = None


class Quartiles(NamedTuple):
    """A median with its quartiles."""

    low: float
    median: float
    high: float


@dataclass
class Row:
    """The figures of one contestant.

    Args:
        contestant: the contestant.
        seconds: of a call, one value per round.
        first_call: seconds of the very first call, which includes compilation.
        agreement: of its result with that of the contestant that ``like`` names.
        peak: the peak of memory during a call, in bytes beyond what was in use before.
        error: why measuring failed; empty if it did not.
    """

    contestant: Contestant
    seconds: list[float] = field(default_factory=list)
    first_call: float | None = None
    agreement: float | None = None
    peak: int | None = None
    error: str = ""

    @property
    def time(self) -> Quartiles | None:
        """The seconds of a call."""
        return quartiles(self.seconds) if self.seconds else None


@dataclass
class Measured:
    """The outcome of a contest, possibly incomplete.

    Args:
        contest: the contest.
        rows: one row per contestant, in the same order.
        interrupted: whether Ctrl-C ended it early.
    """

    contest: Contest
    rows: list[Row]
    interrupted: bool = False

    @property
    def subject(self) -> str:
        """What was measured, which contests of several sizes have in common."""
        return self.contest.title.partition(":")[0]

    @property
    def reference(self) -> Row | None:
        """The row that ratios refer to; None if there is none, or nothing was measured."""
        if self.contest.reference is None:
            return None
        run = [row for row in self.rows if row.seconds]
        named = [row for row in run if row.contestant.name == self.contest.reference]
        return next(iter(named + run), None)

    def ratio(self, row: Row) -> Quartiles | None:
        """Compute how many times faster than the reference a row is, over their common rounds.

        The two times of a round are measured close together, so that a temporary slowdown of the
        machine affects both.
        """
        reference = self.reference
        if reference is None or not row.seconds:
            return None
        pairs = zip(reference.seconds, row.seconds, strict=False)
        return quartiles([theirs / own for theirs, own in pairs])


def quartiles(values: Sequence[float]) -> Quartiles:
    """Compute the quartiles of at least one value."""
    if len(values) == 1:
        return Quartiles(values[0], values[0], values[0])
    return Quartiles(*statistics.quantiles(values, n=4, method="inclusive"))


def back_and_forth(items: Sequence[T], turn: int) -> Sequence[T]:
    """Give the items in order and, every other round, in reverse: A B, then B A, then A B.

    So a machine that slowly gets faster or slower affects all alike, and no contestant always
    follows the same one.
    """
    return items[::-1] if turn % 2 else items


def compare(
    contest: Contest,
    rounds: int = 5,
    clock: Clock = time.perf_counter,
    refuse: Callable[[Contestant], str] = lambda contestant: "",
    least: float = LEAST_SECONDS,
) -> Measured:
    """Measure the contestants of a contest, each once per round.

    Before the rounds, each contestant is built and called twice: the first call compiles and is
    reported separately, the second tells how many calls one measurement needs. If a contestant
    fails, its row has the error, and the others go on. A very slow one drops out after two rounds,
    unless it is the reference. Ctrl-C ends the contest and keeps what was measured.

    Args:
        contest: what to compare.
        rounds: how many times each contestant is measured.
        clock: gives seconds, after waiting for the device.
        refuse: says why a contestant must not be run; an empty text: it may.
        least: seconds that a measurement lasts at least.
    """
    rows = [Row(each, error=refuse(each)) for each in contest.contestants]
    measured = Measured(contest, rows)
    try:
        first = [row for row in rows if row.contestant.name == contest.reference]
        wanted = first + [row for row in rows if row not in first]
        ready = _warm_up([row for row in wanted if not row.error], contest, clock, least)
        for turn in range(rounds):
            for runner in back_and_forth(ready, turn):
                if runner.row in first or not _has_enough(runner):
                    _sample(runner, clock)
    except KeyboardInterrupt:
        measured.interrupted = True
    return measured


@dataclass
class _Runner:
    row: Row
    call: Call
    repeats: int


def _warm_up(rows: list[Row], contest: Contest, clock: Clock, least: float) -> list[_Runner]:
    """Build and call each contestant, and compare the results that should agree."""
    ready = list[_Runner]()
    named = {row.contestant.like or contest.reference for row in rows}
    results: dict[str, Any] = {}
    for row in rows:
        name, like = row.contestant.name, row.contestant.like
        try:
            call = row.contestant.build()
            started = clock()
            result = call()
            row.first_call = clock() - started
            if contest.agree is not None:
                if name in named:
                    results[name] = result
                like = contest.reference if like == "" else like
                if like in results:
                    row.agreement = contest.agree(result, results[like])
            del result
            seconds = _seconds(call, 1, clock)
        except Exception as error:
            row.error = reason(error)
            continue
        repeats = max(1, math.ceil(least / seconds)) if seconds > 0 else 1
        ready.append(_Runner(row, call, repeats))
    return ready


def _has_enough(runner: _Runner) -> bool:
    seconds = runner.row.seconds
    return len(seconds) > 1 and sum(seconds) * runner.repeats > ENOUGH_SECONDS


def _sample(runner: _Runner, clock: Clock) -> None:
    if runner.row.error:
        return
    try:
        runner.row.seconds.append(_seconds(runner.call, runner.repeats, clock))
    except Exception as error:
        runner.row.error = reason(error)
        runner.row.seconds.clear()


def _seconds(call: Call, repeats: int, clock: Clock) -> float:
    started = clock()
    for _ in range(repeats):
        call()
    return (clock() - started) / repeats


def reason(error: Exception) -> str:
    """Write an error in one line."""
    if isinstance(error, NotInstalled):
        return f"not installed: {error}"
    said = " ".join(str(error).split())
    said = said if len(said) <= 160 else f"{said[:157]}…"
    return f"failed: {type(error).__name__}: {said}"
