"""The arithmetic of a recipe, on devices that need not be there."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
import torch

from pcea.recipes import RECIPES
from pcea.training.precision import autocast, in_bf16

RECIPE = RECIPES["modelnet40-eat-tiny"]


@pytest.mark.parametrize("faster", [True, False])
def test_auto_takes_what_the_device_multiplies_faster(
    monkeypatch: pytest.MonkeyPatch, faster: bool
) -> None:
    recipe = replace(RECIPE, precision="auto")
    found = {"amx_bf16": faster}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: faster)
    assert in_bf16(recipe, torch.device("cpu")) == faster
    assert in_bf16(recipe, torch.device("cuda")) == faster


def test_a_processor_of_another_kind_says_nothing_of_amx(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"neon": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert not in_bf16(replace(RECIPE, precision="auto"), torch.device("cpu"))


@pytest.mark.parametrize(("precision", "half"), [("float32", False), ("bf16", True)])
def test_what_is_said_is_done(precision: Literal["float32", "bf16"], half: bool) -> None:
    with autocast(replace(RECIPE, precision=precision), torch.device("cpu")):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert (product.dtype == torch.bfloat16) == half
