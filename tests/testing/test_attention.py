"""The public contract test of attention finds what is wrong: each fault is made on purpose."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pcea.attention import Attention, register_attention
from pcea.attention.base import ATTENTIONS
from pcea.errors import InputError
from pcea.testing import check_attention


def faulty(attend: Callable[[nn.Linear, Tensor, Tensor, Tensor], Tensor]) -> type[Attention]:
    """An attention of all points to all, whose weights (B, N, N) a function makes."""

    class Faulty(Attention):
        map_kind = "points"

        def __init__(self, dim: int) -> None:
            super().__init__()
            self.value = nn.Linear(dim, dim)

        def attend(
            self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
        ) -> tuple[Tensor, Tensor]:
            real = torch.ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
            weights = attend(self.value, x, pos, real)
            return weights.to(x.dtype) @ self.value(x), weights.unsqueeze(1)

    return Faulty


def right(_: nn.Linear, x: Tensor, pos: Tensor, real: Tensor) -> Tensor:
    pairs = (real.unsqueeze(1) & real.unsqueeze(2)).to(torch.promote_types(x.dtype, torch.float32))
    return pairs / real.sum(1).clamp(min=1)[:, None, None]


def reads_padding(_: nn.Linear, x: Tensor, pos: Tensor, real: Tensor) -> Tensor:
    return torch.full((len(x), x.shape[1], x.shape[1]), 1 / x.shape[1], dtype=x.dtype)


def by_order(value: nn.Linear, x: Tensor, pos: Tensor, real: Tensor) -> Tensor:
    return right(value, x, pos, real) * torch.arange(1.0, 1 + x.shape[1]).to(x.dtype)[:, None]


def negative(value: nn.Linear, x: Tensor, pos: Tensor, real: Tensor) -> Tensor:
    return -right(value, x, pos, real)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ATTENTIONS, "_entries", dict(ATTENTIONS._entries))


def test_what_is_right_passes() -> None:
    register_attention("mine")(faulty(right))
    check_attention("mine")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (reads_padding, "Padding, whatever its values are"),
        (by_order, "Permuting the points permutes"),
        (negative, "finite and not negative"),
    ],
)
def test_what_is_wrong_is_named(weights: Callable[..., Tensor], message: str) -> None:
    register_attention("mine")(faulty(weights))
    with pytest.raises(AssertionError, match=f"attention 'mine' breaks a promise: .*{message}"):
        check_attention("mine")


def test_options_are_passed_on() -> None:
    with pytest.raises(InputError, match="no option 'slot'"):
        check_attention("external", slot=3)
