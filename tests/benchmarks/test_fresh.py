"""Processes that time a call, and one that is busy."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from pcea.benchmarks.fresh import BUSY, busy_process, median_seconds, time_apart
from pcea.benchmarks.measure import Contestant


def build_note(folder: Path) -> partial[None]:
    """Build a call that notes in a file of a folder what its process was given."""
    return partial(_note, folder)


def _note(folder: Path) -> None:
    import torch

    spins = os.environ.get("GOMP_SPINCOUNT")
    (folder / str(os.getpid())).write_text(f"{spins} {torch.get_num_threads()}")
    time.sleep(0.01)


def gone(process: int) -> bool:
    """Whether a process ends within a few seconds."""
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_each_setting_is_measured_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the user has set is what pcea leaves alone, and libgomp's default is without it.
    monkeypatch.setenv("GOMP_SPINCOUNT", "12")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    contestant = Contestant("note", partial(build_note, tmp_path))
    for setting, written in (("default", "None 2"), ("pcea", "12 2")):
        found = time_apart(contestant, setting, threads=2)  # type: ignore[arg-type]
        assert list(found) == ["idle", "busy"]
        assert all(0.01 <= seconds < 2 for seconds in found.values())
        (file,) = tmp_path.iterdir()
        assert file.name != str(os.getpid()) and file.read_text() == written
        file.unlink()


def test_a_process_that_fails_is_told() -> None:
    broken = Contestant("broken", partial(os.stat, "/no/such/place"))
    with pytest.raises(ChildProcessError, match="exit status 1"):
        time_apart(broken, "default", threads=1)


def test_the_busy_process_ends_whatever_happens() -> None:
    interrupted = busy_process()
    process = interrupted.__enter__()
    assert process.poll() is None
    error = KeyboardInterrupt()
    assert not interrupted.__exit__(KeyboardInterrupt, error, None)
    assert process.poll() is not None


def test_the_busy_process_ends_with_a_parent_that_is_killed() -> None:
    code = (
        "import os, signal, subprocess, sys\n"
        f"busy = subprocess.Popen([sys.executable, '-c', {BUSY!r}], stdout=subprocess.PIPE)\n"
        "busy.stdout.readline()\n"
        "print(busy.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode < 0
    assert gone(int(done.stdout))


def test_a_few_calls_are_enough_for_a_median() -> None:
    taken = iter([0.5] + [0.0] * 100)
    calls = []

    def call() -> None:
        calls.append(1)
        time.sleep(next(taken))

    # The first does not count, and thirty quick ones are enough.
    assert median_seconds(call) < 0.1
    assert len(calls) == 31
