"""Loops that numba compiles when they first run, what they can be given, and threads for them."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from threading import Barrier
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a loop at its first call; it frees the GIL, and is kept on disk where possible."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's own can be written to
        return njit(nogil=True)(function)


def is_finite(pos: Tensor) -> bool:
    """Say whether all positions are finite once they are float32."""
    # Not by torch: a reduction of its own that waits for its other threads takes longer.
    return bool(np.isfinite(pos.detach().float().numpy()).all())


def parallel_for(total: int, work: Callable[[int, int], Any], least: int = 1) -> None:
    """Do ``work(low, high)`` for a range of ``total``, in as many threads as torch uses.

    Torch uses one in each of them; a thread is given ``least`` things or more. The work makes no
    gradients and lets other threads run.
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
    # A fork takes no threads along, so that a child needs its own.
    pool = ThreadPoolExecutor(threads, f"pcea-{process}", initializer=_alone)
    ready = Barrier(threads)
    before = torch.get_num_threads()
    for started in [pool.submit(ready.wait) for _ in range(threads)]:
        started.result()
    torch.set_num_threads(before)
    return pool


def _alone() -> None:
    torch.set_num_threads(1)
    # Torch gives a thread its number when it is first asked for, and the caller's comes back.
    torch.get_num_threads()
