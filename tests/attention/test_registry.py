"""Attention by name, and the file that joins by lying there."""

from __future__ import annotations

import pkgutil

import pytest
import torch
from torch import Tensor, nn

import pcea.attention
from pcea.attention import Attention, create_attention, list_attentions, register, registry
from pcea.errors import InputError


def test_the_four_are_there() -> None:
    assert {"external", "multihead-external", "offset", "self"} <= set(list_attentions())
    assert list_attentions() == sorted(list_attentions())


def test_every_file_registers_a_mechanism() -> None:
    files = {module.name for module in pkgutil.iter_modules(pcea.attention.__path__)}
    registered = {type(create_attention(name, 16)).__module__ for name in list_attentions()}
    assert registered == {f"pcea.attention.{name}" for name in files - {"base", "registry"}}


def test_a_new_mechanism_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_MECHANISMS", dict(registry._MECHANISMS))

    @register("mean")
    class Mean(Attention):
        map_kind = "points"

        def __init__(self, dim: int, scale: float = 1.0) -> None:
            super().__init__()
            self.value = nn.Linear(dim, dim)
            self.scale = scale

        def attend(
            self, x: Tensor, pos: Tensor | None = None, mask: Tensor | None = None
        ) -> tuple[Tensor, Tensor]:
            weights = x.new_full((x.shape[0], 1, x.shape[1], x.shape[1]), 1 / x.shape[1])
            return self.scale * weights[:, 0] @ self.value(x), weights

    assert "mean" in list_attentions()
    attention = create_attention("mean", 4, scale=2.0)
    assert isinstance(attention, Mean)
    assert attention.scale == 2.0
    assert attention(torch.randn(2, 3, 4)).shape == (2, 3, 4)
    with pytest.raises(ValueError, match=r"'mean' is already .*Mean"):
        register("mean")(Mean)


def test_unknown_name() -> None:
    with pytest.raises(InputError, match=r"no attention is called 'externl'.*'external'") as error:
        create_attention("externl", 16)
    assert "\n" not in str(error.value)


def test_unknown_option() -> None:
    with pytest.raises(InputError, match=r"'external' has no option 'slot'.*'slots'"):
        create_attention("external", 16, slot=8)
    with pytest.raises(InputError, match="'offset' has no option 'heads'"):
        create_attention("offset", 16, heads=4)
