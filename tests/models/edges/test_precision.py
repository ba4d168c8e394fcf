"""Which precision a processor multiplies faster, by clocks that are made up and by the real one."""

import pytest
import torch
from torch import Tensor

from pcea.models.edges import precision
from pcea.models.edges.precision import bf16_is_faster


@pytest.mark.parametrize(("in_float", "in_bf16", "faster"), [(3.0, 1.0, True), (1.2, 1.0, False)])
def test_the_ratio_decides(
    monkeypatch: pytest.MonkeyPatch, *, in_float: float, in_bf16: float, faster: bool
) -> None:
    def clock(one: Tensor, other: Tensor) -> float:
        return in_bf16 if one.dtype == other.dtype == torch.bfloat16 else in_float

    monkeypatch.setattr(precision, "_seconds", clock)
    bf16_is_faster.cache_clear()
    try:
        assert bf16_is_faster() is faster
        monkeypatch.setattr(precision, "_seconds", lambda *_: 1 / 0)
        assert bf16_is_faster() is faster  # it is measured once
    finally:
        bf16_is_faster.cache_clear()


def test_it_is_measured_here() -> None:
    assert bf16_is_faster() in (True, False)
