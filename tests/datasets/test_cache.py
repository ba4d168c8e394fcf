from pathlib import Path

import pytest
import torch

from pcea.datasets import Clouds
from pcea.datasets.cache import cached
from pcea.errors import InputError


class Builder:
    """Builds clouds from nothing, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Clouds:
        self.calls += 1
        pos = torch.full((2, 4, 3), float(self.calls))
        part = torch.arange(8).view(2, 4)
        return Clouds.from_dense(pos, torch.tensor([1, 0]), part=part, names=["a", "ü b"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set's folder with one file, whose cache is inside it."""
    monkeypatch.delenv("PCEA_CACHE")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file").write_bytes(b"content")
    return tmp_path / "set"


def load(folder: Path, build: Builder, **params: object) -> Clouds:
    return cached("set-train", folder, [folder / "file"], params, build)


def test_the_second_time_is_read_back_whole(folder: Path) -> None:
    build = Builder()
    first, second = load(folder, build), load(folder, build)
    assert build.calls == 1
    assert torch.equal(first.pos, second.pos)
    assert torch.equal(first.ptr, second.ptr)
    assert torch.equal(first.category, second.category)
    assert first.part is not None and second.part is not None
    assert torch.equal(first.part, second.part)
    assert second.normal is None
    assert second.names == ("a", "ü b")
    assert [file.suffix for file in (folder / ".cache").iterdir()] == [".safetensors"]


def test_other_content_or_parameters_are_built_anew(folder: Path) -> None:
    build = Builder()
    load(folder, build)
    load(folder, build, scale=2)
    assert build.calls == 2
    (folder / "file").write_bytes(b"CONTENT")
    load(folder, build)
    assert build.calls == 3


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_cache_is_replaced(folder: Path, damage: bytes | None) -> None:
    build = Builder()
    load(folder, build)
    (file,) = (folder / ".cache").iterdir()
    file.write_bytes(file.read_bytes()[:-5] if damage is None else damage)
    load(folder, build)
    assert build.calls == 2
    load(folder, build)
    assert build.calls == 2


def test_a_place_that_cannot_be_written_is_skipped(folder: Path) -> None:
    (folder / ".cache").write_text("a file where the folder should be")
    build = Builder()
    load(folder, build)
    load(folder, build)
    assert build.calls == 2
    assert sorted(path.name for path in folder.iterdir()) == [".cache", "file"]


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    load(folder, Builder())
    assert list((folder / ".cache").iterdir()) == []


def test_a_read_only_folder_is_left_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    folder.chmod(0o555)
    build = Builder()
    load(folder, build)
    load(folder, build)
    folder.chmod(0o755)
    assert build.calls == 1
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert len(list((tmp_path / "home" / "pcea").iterdir())) == 1


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "file").unlink()
    with pytest.raises(InputError, match=r"file: cannot be read \(No such file"):
        load(folder, Builder())
