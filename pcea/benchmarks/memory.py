"""Measure the peak of memory during a call, beyond what was in use before."""

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

    On a GPU it is the peak of torch's allocator. On a CPU it is the growth of the resident memory
    of a new process during its second call, so that imports, compilation, input and weights do not
    count; only Linux tells it, and elsewhere nothing is filled in.

    Args:
        measured: its rows get their ``peak``; Ctrl-C skips the others and is noted.
        device: the device of the contestants.
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
    """Run in the new process: read a contestant from stdin, and print its peak on stdout."""
    contestant, count = pickle.load(sys.stdin.buffer)
    torch.set_num_threads(count)
    call = contestant.build()
    call()
    gc.collect()
    # Return freed memory to the system, or the second call would seem to need none.
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
