"""How much memory a call holds at most, beyond what lay there before it."""

import ctypes
import gc
import os
import pickle
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import torch

from pcea.benchmarks.measure import Contestant, Measured

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_CHILD = "from pcea.benchmarks.memory import weigh_here; weigh_here()"


def weigh(measured: Measured, device: torch.device) -> None:
    """Fill in the peak memory of every contestant that was measured.

    On a GPU it is the allocator's peak. On a CPU it is how far the resident memory of a fresh
    process grows during a call that follows a first one, so that neither imports nor compilers
    count; the input and the weights lie there before. Where the system does not tell (it does on
    Linux), nothing is filled in.

    Args:
        measured: its rows get their ``peak``; Ctrl-C leaves the rest without and marks it.
        device: where the contestants run.
    """
    try:
        for row in measured.rows:
            if not row.seconds:
                continue
            on_gpu = device.type == "cuda"
            row.peak = _on_gpu(row.contestant, device) if on_gpu else _apart(row.contestant)
    except KeyboardInterrupt:
        measured.interrupted = True


def weigh_here() -> None:
    """The fresh process: read a contestant from stdin, say on stdout what a call of it holds."""
    contestant, count = pickle.load(sys.stdin.buffer)
    torch.set_num_threads(count)
    call = contestant.build()
    call()
    gc.collect()
    # What the first call freed goes back to the system, or the second would seem to need nothing.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    RESET.write_text("5")
    before = _resident("VmRSS")
    result = call()
    print(f"\npeak {_resident('VmHWM') - before}")
    del result


def _apart(contestant: Contestant) -> int | None:
    if not os.access(RESET, os.W_OK):
        return None
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=pickle.dumps((contestant, torch.get_num_threads())),
        capture_output=True,
        env=environment,
        check=False,
    )
    found = re.search(rb"^peak (\d+)$", done.stdout, re.MULTILINE)
    return int(found[1]) if found else None


def _on_gpu(contestant: Contestant, device: torch.device) -> int:
    call = contestant.build()
    call()
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    result = call()
    torch.cuda.synchronize(device)
    del result
    return torch.cuda.max_memory_allocated(device) - before


def _resident(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024
