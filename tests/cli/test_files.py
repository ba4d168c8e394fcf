"""One file's fault ends nothing; no two results in one place, and none over an input."""

import errno
from pathlib import Path

import pytest

from pcea.cli.files import Batch, check_out
from pcea.errors import InputError, WrongOption


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
    assert batch.tell(files[0], ("one", "two", "two", "three")) == ["one", "two", "three"]
    said = "".join(f"{files[0]}: {note}\n" for note in ("one", "two", "three"))
    assert capsys.readouterr() == ("", said)


def test_a_place_that_is_no_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_out(tmp_path)
    check_out(tmp_path / "new" / "folder")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="file is not a folder"):
            check_out(out)


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "x.ply"
    (tmp_path / "link").symlink_to(tmp_path / "in")
    file.touch()
    Batch([str(file)], tmp_path, [".ply"])
    Batch([str(file)], tmp_path / "in", [".glb"])
    with pytest.raises(InputError, match="give --out another folder"):
        Batch([str(file)], tmp_path / "link", [".glb", ".ply"])
