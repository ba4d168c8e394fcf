"""Compile loops with numba, check their inputs, and run them in threads."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from threading import Barrier
from typing import Any

import numpy as np
import torch
from numba import njit
from numba.core import event
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a loop at its first call, to run without the GIL; cache it on disk if possible."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the cache can be written
        return njit(nogil=True)(function)


class Notice(event.Listener):
    """Tells people at a terminal, for as long as loops are compiled, what they wait for."""

    def __init__(self) -> None:
        self.inside = 0  # one compilation begins others

    def on_start(self, _: Any) -> None:
        """Write the line at the first of them."""
        self.inside += 1
        if self.inside == 1 and sys.stderr.isatty():
            sys.stderr.write("\rcompiling for this processor, once: it takes some seconds …")
            sys.stderr.flush()

    def on_end(self, _: Any) -> None:
        """Take the line away after the last of them."""
        self.inside -= 1
        if self.inside == 0 and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


event.register("numba:compile", Notice())


def is_finite(pos: Tensor) -> bool:
    """Tell whether all positions are finite in float32."""
    # Not by torch, which takes longer because it waits for its threads.
    return bool(np.isfinite(pos.detach().float().numpy()).all())


def parallel_for(total: int, work: Callable[[int, int], Any], least: int = 1) -> None:
    """Call ``work(low, high)`` for the parts of range(total), in as many threads as torch uses.

    Each thread gets at least ``least`` items and uses one torch thread. The work should release the
    GIL, and runs without gradients.
    """
    shares = max(1, min(torch.get_num_threads(), total // max(1, least)))
    ends = [total * share // shares for share in range(shares + 1)]
    with torch.no_grad():
        if shares == 1:
            work(0, total)
            return
        pool = _pool(os.getpid(), shares)
        for done in [pool.submit(torch.no_grad()(work), *each) for each in pairwise(ends)]:
            done.result()


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    # A forked process does not inherit threads, so it needs its own pool.
    pool = ThreadPoolExecutor(threads, f"pcea-{process}", initializer=_use_one_thread)
    ready = Barrier(threads)
    before = torch.get_num_threads()
    for started in [pool.submit(ready.wait) for _ in range(threads)]:
        started.result()
    torch.set_num_threads(before)
    return pool


def _use_one_thread() -> None:
    torch.set_num_threads(1)
    # The first call in a thread initializes its number, so it is made here.
    torch.get_num_threads()
