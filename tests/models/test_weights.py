"""Weights files: what is refused, and that nothing in them runs."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pcea.errors import InputError
from pcea.models import create_model, load_model, save_model
from pcea.models.weights import PRETRAINED, list_pretrained, ships


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(create_model("eat-tiny"), path)
    return path


def test_a_compiled_model_is_saved_under_its_own_names(tmp_path: Path, weights: Path) -> None:
    model = load_model(weights)
    save_model(torch.compile(model, backend="eager"), tmp_path / "compiled.safetensors")
    assert (tmp_path / "compiled.safetensors").read_bytes() == weights.read_bytes()


class Bomb:
    """A pickle that would make a folder if it were ever loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights at"):
        load_model(tmp_path)


def test_truncated(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot read weights"):
        load_model(weights)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(InputError, match="cannot read weights"):
        load_model(path)
    assert not (tmp_path / "exploded").exists()


def test_tensors_of_something_else(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no pcea model"):
        load_model(tmp_path / "other.safetensors")


@pytest.mark.parametrize("described", ["{}", "not json", '{"taxonomy": {"categories": []}}'])
def test_a_broken_description(tmp_path: Path, described: str) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "m.safetensors", metadata={"pcea": described})
    with pytest.raises(InputError, match="not a description"):
        load_model(tmp_path / "m.safetensors")


def test_weights_that_do_not_fit(weights: Path, tmp_path: Path) -> None:
    info = create_model("eat-tiny").info.to_json()
    save_file({"a": torch.zeros(2)}, tmp_path / "m.safetensors", metadata={"pcea": info})
    with pytest.raises(InputError, match="do not fit model 'eat-tiny'") as caught:
        load_model(tmp_path / "m.safetensors")
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_old_file(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = weights.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises((OSError, InputError)):
        save_model(create_model("eat-tiny"), weights)
    assert weights.read_bytes() == before
    assert os.listdir(weights.parent) == [weights.name]


def test_what_ships_is_known_whatever_its_file_is_called(tmp_path: Path, weights: Path) -> None:
    for name in list_pretrained():
        assert ships(load_model(name))
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes((PRETRAINED / f"{list_pretrained()[0]}.safetensors").read_bytes())
    assert ships(load_model(copy))
    assert not ships(load_model(weights))
