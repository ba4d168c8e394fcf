"""Compiling where nothing can be kept, and sharing a range out."""

from __future__ import annotations

from collections.abc import Callable
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


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("total", [0, 1, 2, 11])
def test_each_thing_is_done_once(monkeypatch: pytest.MonkeyPatch, threads: int, total: int) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    done: list[int] = []
    compiled.spread(total, lambda low, high: done.extend(range(low, high)))
    assert sorted(done) == list(range(total))


def test_few_things_stay_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    seen: list[int] = []
    compiled.spread(7, lambda low, high: seen.append(get_ident()), least=4)
    assert seen == [get_ident()]


def test_an_error_in_another_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def fail_at_the_end(low: int, high: int) -> None:
        if high == 10:
            raise ValueError("the last share")

    with pytest.raises(ValueError, match="the last share"):
        compiled.spread(10, fail_at_the_end)
