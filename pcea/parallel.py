"""Work shared out among threads, as many as torch uses, each of which uses one torch thread.

The work should release the GIL, as torch's operators and compiled loops do, and runs without
gradients.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from threading import Barrier
from typing import Any, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_for(total: int, work: Callable[[int, int], Any], least: int = 1) -> None:
    """Call ``work(low, high)`` for the parts of range(total), each in a thread.

    Each thread gets at least ``least`` items.
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


def parallel_map(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield ``work(item)`` for each item, in their order, several of them computed at a time.

    The items are taken in the calling thread, and only a few of them ahead. Autocast on the CPU
    holds in the threads, too.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield from map(torch.no_grad()(work), items)
        return
    half, enabled = torch.get_autocast_dtype("cpu"), torch.is_autocast_enabled("cpu")

    def run(item: Item) -> Result:
        with torch.no_grad(), torch.autocast("cpu", half, enabled=enabled):
            return work(item)

    pool = _pool(os.getpid(), threads)
    begun = deque[Future[Result]]()

    def first() -> Result:
        result = begun[0].result()
        begun.popleft()  # not before, so that after Ctrl-C this one is waited for, too
        return result

    try:
        for item in items:
            begun.append(pool.submit(run, item))
            if len(begun) > threads:
                yield first()
        while begun:
            yield first()
    finally:
        for each in begun:
            each.cancel()
        wait(begun)


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
