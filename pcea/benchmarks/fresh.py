"""Time a call in a new process, on the idle machine and beside a busy process."""

import os
import pickle
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

import torch

from pcea.benchmarks.measure import Call, Contestant
from pcea.threads import WAITING

Setting = Literal["default", "pcea"]
State = Literal["idle", "busy"]
SETTINGS: tuple[Setting, ...] = ("default", "pcea")
STATES: tuple[State, ...] = ("idle", "busy")

# At least and at most so many calls are timed; between these, until so many seconds have passed.
_LEAST_CALLS, _MOST_CALLS, _SECONDS = 3, 30, 4.0

# pcea's setting has no effect if torch is imported before pcea.
_CHILD: dict[Setting, str] = {
    "default": "import torch; from pcea.benchmarks.fresh import time_here; time_here()",
    "pcea": "from pcea.benchmarks.fresh import time_here; time_here()",
}
# It ends when its parent process has ended in any way.
BUSY = """
import os
parent = os.getppid()
print("begun", flush=True)
while os.getppid() == parent:
    sum(range(100_000))
"""


def time_apart(contestant: Contestant, setting: Setting, threads: int) -> dict[State, float]:
    """Time a contestant's call in a new process: the seconds idle, and then beside a busy process.

    Args:
        contestant: what to measure.
        setting: libgomp's default, or pcea's setting with the user's own variables.
        threads: how many threads torch uses.

    Raises:
        ChildProcessError: the process failed.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD[setting]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(setting),
    )
    try:
        _tell(process, pickle.dumps((contestant, threads)))
        _hear(process, rb"ready()")
        idle = _ask(process)
        with busy_process():
            busy = _ask(process)
        return {"idle": idle, "busy": busy}
    finally:
        _end(process)


@contextmanager
def busy_process() -> Iterator[subprocess.Popen[bytes]]:
    """Keep a core busy by another process, which ends at the latest with this one."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        _hear(process, rb"begun()")
        yield process
    finally:
        _end(process)


def time_here() -> None:
    """Run in the new process: read a contestant from stdin, and time its call for each line."""
    contestant, count = pickle.load(sys.stdin.buffer)
    torch.set_num_threads(count)
    torch.set_flush_denormal(True)  # as in training
    call = contestant.build()
    call()
    print("\nready", flush=True)
    for _ in sys.stdin.buffer:
        print(f"\nseconds {median_seconds(call)!r}", flush=True)


def median_seconds(call: Call) -> float:
    """Time several calls after a warm-up call, and return the median."""
    call()
    taken = list[float]()
    while len(taken) < _LEAST_CALLS or (len(taken) < _MOST_CALLS and sum(taken) < _SECONDS):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _environment(setting: Setting) -> dict[str, str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if setting == "default":
        for name in WAITING:
            environment.pop(name, None)
    return environment


def _ask(process: subprocess.Popen[bytes]) -> float:
    _tell(process, b"\n")
    return float(_hear(process, rb"seconds (.+)"))


def _tell(process: subprocess.Popen[bytes], what: bytes) -> None:
    assert process.stdin is not None
    # If the process has failed, _hear reports it.
    with suppress(BrokenPipeError):
        process.stdin.write(what)
        process.stdin.flush()


def _hear(process: subprocess.Popen[bytes], pattern: bytes) -> bytes:
    """Wait for a line that matches a pattern, skip all others, and return its group."""
    assert process.stdout is not None
    for line in process.stdout:
        found = re.fullmatch(pattern, line.strip())
        if found:
            return found[1]
    raise ChildProcessError(f"a fresh process failed with exit status {process.wait()}")


def _end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    # This waits for the end and closes the pipes.
    process.communicate()
