"""Contestants measured in turn, back and forth, and what their times come to."""

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

# A sample lasts at least this long, by calling more than once: shorter ones measure the clock.
LEAST_SECONDS = 0.02
# Who has been measured for so long, at least twice, is not measured again: one slow contestant
# would cost more than all others.
ENOUGH_SECONDS = 20.0


class NotInstalled(Exception):
    """What a contestant needs is not on this machine; the message says how to get it."""


@dataclass(frozen=True)
class Contestant:
    """One way of doing what a contest is about.

    Args:
        name: what to call it.
        build: makes the call that is timed; its own time does not count. A function of a module
            with its arguments bound, so that another process can build it, too.
        kind: ``plain`` reference, ``ours``, or a ``peer``.
        work: floating point operations of a call, 0 where nobody counted.
        precision: whose rate of the machine bounds it, ``float32`` or ``bf16``.
        holds: bytes that it cannot do without beside its input. Default 0: unknown.
        bounded: whether ``work`` tells how long a call takes at least; not where an index avoids
            most of it.
        like: the name of the one before it whose result it should have. Default: the reference;
            None: nobody's.
    """

    name: str
    build: Callable[[], Call]
    kind: Kind = "peer"
    work: float = 0.0
    precision: Precision = "float32"
    holds: int = 0
    bounded: bool = True
    like: str | None = ""


@dataclass(frozen=True)
class Contest:
    """What is compared.

    Args:
        title: what all contestants do, in one line.
        contestants: those who do it.
        reference: the name of the one that ratios are against; where it is not run, the first
            that is.
        items: how many of ``unit`` a call does.
        unit: such as ``clouds``.
        agree: how far two results are the same, to be written with ``agreement``. Default: results
            are not compared.
        agreement: what ``agree`` measures.
        size: where it lies on the axis of a picture of several contests. Default: nowhere.
    """

    title: str
    contestants: Sequence[Contestant]
    reference: str
    items: float = 0.0
    unit: str = "clouds"
    agree: Callable[[Any, Any], float] | None = None
    agreement: str = "same"
    size: int | None = None


class Quartiles(NamedTuple):
    """A median between its quartiles."""

    low: float
    median: float
    high: float


@dataclass
class Row:
    """What was measured of one contestant.

    Args:
        contestant: whose.
        seconds: of a call, one a round.
        first_call: seconds of the very first call, in which compilers compile.
        agreement: with the result of whom it should agree with.
        peak: bytes held at most during a call, beyond what lay there before.
        error: why there is nothing, or no more.
    """

    contestant: Contestant
    seconds: list[float] = field(default_factory=list)
    first_call: float | None = None
    agreement: float | None = None
    peak: int | None = None
    error: str = ""

    @property
    def time(self) -> Quartiles | None:
        """Seconds of a call."""
        return quartiles(self.seconds) if self.seconds else None


@dataclass
class Measured:
    """A contest's outcome, whole or as far as it got.

    Args:
        contest: which.
        rows: a row a contestant, in its order.
        interrupted: whether Ctrl-C ended it early.
    """

    contest: Contest
    rows: list[Row]
    interrupted: bool = False

    @property
    def reference(self) -> Row | None:
        """Whom ratios are against."""
        run = [row for row in self.rows if row.seconds]
        named = [row for row in run if row.contestant.name == self.contest.reference]
        return next(iter(named + run), None)

    def ratio(self, row: Row) -> Quartiles | None:
        """How many times faster than the reference, over the rounds that both did.

        Each round compares two times that lie close together, so that what slows the machine
        down for a while slows both.
        """
        reference = self.reference
        if reference is None or not row.seconds:
            return None
        pairs = zip(reference.seconds, row.seconds, strict=False)
        return quartiles([theirs / own for theirs, own in pairs])


def quartiles(values: Sequence[float]) -> Quartiles:
    """The quartiles of at least one value."""
    if len(values) == 1:
        return Quartiles(values[0], values[0], values[0])
    return Quartiles(*statistics.quantiles(values, n=4, method="inclusive"))


def back_and_forth(items: Sequence[T], turn: int) -> Sequence[T]:
    """The items in order and, every other round, in reverse.

    A B, B A, A B, …: a machine that drifts steadily slows none more than another, and nobody
    always comes after the same one.
    """
    return items[::-1] if turn % 2 else items


def compare(
    contest: Contest,
    rounds: int = 5,
    clock: Clock = time.perf_counter,
    refuse: Callable[[Contestant], str] = lambda contestant: "",
    least: float = LEAST_SECONDS,
) -> Measured:
    """Measure the contestants of a contest, each once a round.

    Before the rounds each is built and called twice: the first call compiles and is reported
    apart, the second says how many calls make a sample. A contestant that fails says so in its
    row, and the others go on; one that is very slow drops out after two rounds, if it is not the
    reference. Ctrl-C ends the contest, with what was measured so far.

    Args:
        contest: who does what.
        rounds: how many samples of each. Default 5.
        clock: seconds from anywhere; it waits for the device where there is one.
        refuse: why a contestant is not to be run, or an empty text.
        least: seconds that a sample lasts at least.

    Returns:
        The times.
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
    """Build and call each; whom others should agree with has its result kept for that long."""
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
    """An error in one line."""
    if isinstance(error, NotInstalled):
        return f"not installed: {error}"
    said = " ".join(str(error).split())
    said = said if len(said) <= 160 else f"{said[:157]}…"
    return f"failed: {type(error).__name__}: {said}"
