"""Sharing work out among threads."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, get_ident, main_thread
from time import sleep

import pytest
import torch

from pcea.parallel import parallel_for, parallel_map


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("total", [0, 1, 2, 11])
def test_each_thing_is_done_once(
    use_threads: Callable[[int], None], threads: int, total: int
) -> None:
    use_threads(threads)
    done: list[int] = []
    parallel_for(total, lambda low, high: done.extend(range(low, high)))
    assert sorted(done) == list(range(total))


def test_few_things_stay_on_one_thread(use_threads: Callable[[int], None]) -> None:
    use_threads(4)
    seen: list[int] = []
    parallel_for(7, lambda low, high: seen.append(get_ident()), least=4)
    assert seen == [get_ident()]


def test_in_each_thread_torch_uses_one_and_makes_no_graph(
    use_threads: Callable[[int], None],
) -> None:
    use_threads(3)
    seen: list[tuple[int, bool]] = []
    for _ in range(2):
        parallel_for(
            6, lambda low, high: seen.append((torch.get_num_threads(), torch.is_grad_enabled()))
        )
    assert seen == [(1, False)] * 6
    assert torch.get_num_threads() == 3 and torch.is_grad_enabled()


def test_an_error_in_another_thread_is_raised(use_threads: Callable[[int], None]) -> None:
    use_threads(2)

    def fail_at_the_end(low: int, high: int) -> None:
        if high == 10:
            raise ValueError("the last share")

    with pytest.raises(ValueError, match="the last share"):
        parallel_for(10, fail_at_the_end)


# Torch's threads, and those that farthest points, neighbors and numba used beside it, as they are
# and after torch is told another number.
COUNTED = """
import sys
from pathlib import Path
from pcea.threads import settle
settle(root=Path(sys.argv[1]))
import torch
from threading import enumerate as running
from pcea.geometry.kernels.farthest_cpu import farthest_points
from pcea.geometry.kernels.neighbors_cpu import knn

pos, first = torch.rand(6, 300, 3), torch.zeros(6, 1, dtype=torch.long)
for threads in (None, 3):
    if threads:
        torch.set_num_threads(threads)
    before = set(running())
    farthest_points(pos, 8, first, None)
    knn(pos, pos, 4, None)
    print(torch.get_num_threads(), len(set(running()) - before))
parallel = sys.modules.get("numba.np.ufunc.parallel")
print(parallel is not None and parallel._is_initialized)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="torch reads OMP_NUM_THREADS otherwise")
def test_every_pool_obeys_the_quota_and_torch(tmp_path: Path) -> None:
    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        environment.pop(name, None)
    for name, text in (
        ("sys/fs/cgroup/cpu.max", "80000 100000\n"),
        ("proc/self/cgroup", "0::/\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    words = [sys.executable, "-c", COUNTED, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr
    # One thread is the caller itself; numba's own pool is never begun.
    assert done.stdout.splitlines() == ["1 0", "3 3", "False"]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("total", [0, 1, 2, 11])
def test_results_come_in_order(
    use_threads: Callable[[int], None], threads: int, total: int
) -> None:
    use_threads(threads)
    assert list(parallel_map(lambda item: item**2, range(total))) == [i**2 for i in range(total)]


def test_several_are_computed_at_a_time(use_threads: Callable[[int], None]) -> None:
    use_threads(2)
    both = Barrier(2, timeout=30)
    assert set(parallel_map(lambda _: both.wait(), range(2))) == {0, 1}


def test_items_are_taken_in_the_calling_thread_and_few_ahead(
    use_threads: Callable[[int], None],
) -> None:
    use_threads(2)
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(20):
            taken.append(get_ident())
            yield item

    for item in parallel_map(lambda item: item, items()):
        assert len(taken) <= item + 3
    assert taken == [get_ident()] * 20


@pytest.mark.parametrize("threads", [1, 2])
def test_settings_of_the_caller_hold_in_the_threads(
    use_threads: Callable[[int], None], threads: int
) -> None:
    use_threads(threads)

    def seen(_: int) -> tuple[bool, bool, int]:
        return (
            torch.is_grad_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_num_threads(),
        )

    with torch.autocast("cpu", torch.bfloat16):
        assert list(parallel_map(seen, range(4))) == [(False, True, 1)] * 4
    assert list(parallel_map(seen, range(4))) == [(False, False, 1)] * 4


@pytest.mark.parametrize("threads", [1, 2])
def test_between_the_items_the_caller_has_gradients(
    use_threads: Callable[[int], None], threads: int
) -> None:
    use_threads(threads)
    for within in parallel_map(lambda _: torch.is_grad_enabled(), range(4)):
        assert torch.is_grad_enabled() and not within


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals reach no thread here")
def test_after_ctrl_c_no_work_goes_on(use_threads: Callable[[int], None]) -> None:
    use_threads(2)
    done: list[int] = []

    def work(item: int) -> None:
        if item == 0:
            sleep(0.2)
            signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)  # it waits for this item
            sleep(0.2)
        done.append(item)

    # Whoever runs the tests may have another handler.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(parallel_map(work, range(5)))
    finally:
        signal.signal(signal.SIGINT, before)
    assert 0 in done


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_an_item_ends_it(use_threads: Callable[[int], None], threads: int) -> None:
    use_threads(threads)
    done: list[int] = []

    def fail_at_three(item: int) -> int:
        if item == 3:
            raise ValueError("the fourth item")
        done.append(item)
        return item

    found = parallel_map(fail_at_three, range(100))
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="the fourth item"):
        next(found)
    assert len(done) < 10
