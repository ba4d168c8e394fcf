"""Compiling where nothing can be kept, and sharing a range out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Any

import pytest
import torch

from pcea.geometry.kernels import compiled


def test_compiles_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    real = compiled.njit

    def without_a_folder(cache: bool = False, **options: bool) -> Callable[..., Any]:
        if cache:
            raise RuntimeError("cannot cache function 'add': no locator available")
        return real(**options)  # type: ignore[no-any-return]

    monkeypatch.setattr(compiled, "njit", without_a_folder)
    assert compiled.compiled(lambda a, b: a + b)(2, 3) == 5


@pytest.fixture
def use_threads() -> Iterator[Callable[[int], None]]:
    """A call that sets how many threads torch uses, until the test's end."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("total", [0, 1, 2, 11])
def test_each_thing_is_done_once(
    use_threads: Callable[[int], None], threads: int, total: int
) -> None:
    use_threads(threads)
    done: list[int] = []
    compiled.spread(total, lambda low, high: done.extend(range(low, high)))
    assert sorted(done) == list(range(total))


def test_few_things_stay_on_one_thread(use_threads: Callable[[int], None]) -> None:
    use_threads(4)
    seen: list[int] = []
    compiled.spread(7, lambda low, high: seen.append(get_ident()), least=4)
    assert seen == [get_ident()]


def test_in_each_thread_torch_uses_one_and_makes_no_graph(
    use_threads: Callable[[int], None],
) -> None:
    use_threads(3)
    seen: list[tuple[int, bool]] = []
    for _ in range(2):
        compiled.spread(
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
        compiled.spread(10, fail_at_the_end)
