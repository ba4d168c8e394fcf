"""A benchmark from its first contest to its last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import torch

from pcea.benchmarks.limits import GIB, Limits
from pcea.benchmarks.machine import available_bytes
from pcea.benchmarks.measure import Clock, Contest, Contestant, Measured, compare
from pcea.benchmarks.memory import weigh
from pcea.errors import InputError

# A call that must take longer than this even at the machine's limit is left out.
PATIENCE = 5.0
# The share of free memory that a contestant may need.
ROOM = 0.7


def pick_device(name: str | None) -> torch.device:
    """The device of that name. Default: the GPU if there is one, else the CPU.

    Raises:
        InputError: it cannot be used.
    """
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(1, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"--device {name} cannot be used: {reason}") from error


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
