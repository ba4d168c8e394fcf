"""One file's fault ends nothing, and what is nobody's own fault ends all."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from pcea.cli.batch import Batch, WrongOption
from pcea.errors import InputError


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    files = [tmp_path / name for name in ("a.off", "b.off", "c.off")]
    for file in files:
        file.touch()
    return files


def test_the_others_are_done(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    batch, done = Batch([str(file.parent) for file in files[:1]]), []
    assert batch.files == files
    for file in batch.files:
        with batch.trying(file):
            if file == files[1]:
                raise InputError(f"{file}: it is\n  empty")
            done.append(file)
    assert done == [files[0], files[2]]
    assert batch.left_out == [{"file": str(files[1]), "reason": "it is empty"}]
    assert batch.status == 3
    assert capsys.readouterr() == ("", f"pcea: {files[1]}: it is empty\n")


def test_all_done_and_nothing_done(files: list[Path]) -> None:
    batch = Batch([str(files[0])])
    assert batch.status == 2
    with batch.trying(files[0]):
        pass
    assert batch.status == 0


def test_an_entry_that_finds_nothing(files: list[Path]) -> None:
    batch = Batch(["no/such.off", str(files[0])])
    assert batch.files == [files[0]]
    assert [each["file"] for each in batch.left_out] == ["no/such.off"]
    with pytest.raises(InputError, match=r"no/such\.off: there is no such"):
        Batch(["no/such.off"])
    with pytest.raises(InputError, match="no files given"):
        Batch([])
    with pytest.raises(InputError, match="empty"):
        Batch([str(files[0]), ""])


def full() -> InputError:
    error = InputError("a.npz: it cannot be written: No space left on device")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    return error


@pytest.mark.parametrize(
    "error", [WrongOption("--slot 9"), full(), KeyboardInterrupt(), RuntimeError("ours")]
)
def test_what_ends_a_batch(files: list[Path], error: BaseException) -> None:
    batch = Batch([str(files[0])])
    with pytest.raises(type(error)), batch.trying(files[0]):
        raise error
    assert batch.left_out == []


def test_notes_are_said_once(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    batch = Batch([str(files[0])])
    shape, look = SimpleNamespace(notes=("one", "two")), SimpleNamespace(notes=("two", "three"))
    assert batch.tell(files[0], shape, look) == ["one", "two", "three"]
    said = "".join(f"{files[0]}: {note}\n" for note in ("one", "two", "three"))
    assert capsys.readouterr() == ("", said)
