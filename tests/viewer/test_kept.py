"""What stays in memory, counted by hand."""

from __future__ import annotations

import numpy as np
import torch

from pcea.viewer.kept import Kept, bytes_in


def _zeros(num: int) -> torch.Tensor:
    return torch.zeros(num, dtype=torch.uint8)


def test_what_was_used_longest_ago_goes_first() -> None:
    kept = Kept[str, torch.Tensor](250)
    for key in "abc":
        kept.get(key, lambda: _zeros(100))
    assert list(kept) == ["b", "c"]
    kept.get("b", lambda: _zeros(0))  # used again, and not made again
    kept.get("d", lambda: _zeros(100))
    assert list(kept) == ["b", "d"]
    assert len(kept.get("b", lambda: _zeros(0))) == 100


def test_the_last_one_stays_however_large() -> None:
    kept = Kept[str, torch.Tensor](10)
    kept.get("small", lambda: _zeros(5))
    kept.get("large", lambda: _zeros(1000))
    assert list(kept) == ["large"]


def test_one_that_is_let_go_is_made_again() -> None:
    kept = Kept[int, torch.Tensor](1000)
    first = kept.get(1, lambda: _zeros(3))
    assert kept.get(1, lambda: _zeros(3)) is first
    kept.forget(1)
    kept.forget(2)
    assert 1 not in kept
    assert kept.get(1, lambda: _zeros(3)) is not first


def test_one_that_grows_is_weighed_again() -> None:
    kept = Kept[str, list[torch.Tensor]](150)
    grown = kept.get("a", lambda: [_zeros(10)])
    kept.get("b", lambda: [_zeros(10)])
    grown.append(_zeros(200))
    kept.get("b", list)
    assert list(kept) == ["b"]


def test_memory_is_counted_once_and_models_not_at_all() -> None:
    class Holder:
        def __init__(self) -> None:
            self.model = torch.nn.Linear(100, 100)
            self.values = {"a": torch.zeros(10), "b": (np.zeros(5), [torch.zeros(2)])}
            self.itself = self

    holder = Holder()
    assert bytes_in(holder) == 10 * 4 + 5 * 8 + 2 * 4
    whole = torch.zeros(100)
    assert bytes_in(whole[:1], whole[50:]) == 400
    array = np.zeros(100)
    assert bytes_in(array[::2], array[:3]) == 800
