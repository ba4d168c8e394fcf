"""Attention by name, and the file that joins by lying there."""

import importlib
import pkgutil
import re
import sys
from pathlib import Path

import pytest
import torch

import pcea.attention
from pcea.attention import create_attention, list_attentions, register_attention
from pcea.attention.base import ATTENTIONS
from pcea.errors import InputError


def test_the_four_are_there() -> None:
    assert {"external", "multihead-external", "offset", "self"} <= set(list_attentions())
    assert list_attentions() == sorted(list_attentions())


def test_every_file_registers_a_mechanism() -> None:
    files = {module.name for module in pkgutil.iter_modules(pcea.attention.__path__)}
    registered = {type(create_attention(name, 16)).__module__ for name in list_attentions()}
    assert registered == {f"pcea.attention.{name}" for name in files - {"base", "reading"}}


def test_a_new_mechanism_joins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file that docs/attention.md shows, laid into the package's folder."""
    page = Path(__file__).parents[2] / "docs" / "attention.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    (tmp_path / "gaussian.py").write_text(code, "utf-8")
    monkeypatch.setattr(ATTENTIONS, "_entries", dict(ATTENTIONS._entries))
    monkeypatch.setattr(pcea.attention, "__path__", [*pcea.attention.__path__, str(tmp_path)])
    module = importlib.import_module("pcea.attention.gaussian")
    monkeypatch.delitem(sys.modules, "pcea.attention.gaussian")
    monkeypatch.delattr(pcea.attention, "gaussian")

    assert "gaussian" in list_attentions()
    attention = create_attention("gaussian", 4, radius=0.5)
    assert type(attention) is module.GaussianAttention
    x, pos = torch.randn(2, 3, 4), torch.randn(2, 3, 3)
    mask = torch.tensor([[True, True, True], [True, False, True]])
    out, weights = attention.attend(x, pos, mask)
    torch.testing.assert_close(weights.sum(-1).squeeze(1), mask.float())
    assert (out[1, 1] == 0).all()


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match=r"'self' is already .*SelfAttention"):
        register_attention("self")(type(create_attention("offset", 16)))


def test_unknown_name() -> None:
    with pytest.raises(InputError, match=r"no attention is called 'externl'.*'external'") as error:
        create_attention("externl", 16)
    assert "\n" not in str(error.value)


def test_unknown_option() -> None:
    with pytest.raises(InputError, match=r"'external' has no option 'slot'.*'slots'"):
        create_attention("external", 16, slot=8)
    with pytest.raises(InputError, match="'offset' has no option 'heads'"):
        create_attention("offset", 16, heads=4)
