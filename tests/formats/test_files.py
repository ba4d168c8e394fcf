from pathlib import Path

import pytest

from pcea.errors import InputError
from pcea.formats import expand

_RUN = ["run[1]/e.xyz.gz", "run[1]/f.LAZ"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "run[1]").mkdir()
    for name in (
        "run[1]/e.xyz.gz",
        "run[1]/f.LAZ",
        "run[1]/g.tar.gz",
        "b.obj",
        "a.PLY",
        "notes.md",
        "._a.ply",
        "c[1].off",
        "deep/d.npy",
        "deep.xyz/x",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["."], ["a.PLY", "b.obj", "c[1].off"]),
        (["b.obj", "."], ["b.obj", "a.PLY", "c[1].off"]),
        (["*.obj", "deep"], ["b.obj", "deep/d.npy"]),
        (["*"], ["a.PLY", "b.obj", "c[1].off"]),
        (["**/*"], ["a.PLY", "b.obj", "c[1].off", "deep/d.npy", *_RUN]),
        (["c[1].off"], ["c[1].off"]),
        (["run[1]"], ["run[1]/e.xyz.gz", "run[1]/f.LAZ"]),
        (["run[1]/*.gz"], ["run[1]/e.xyz.gz"]),
        (["run[[]1]/*"], ["run[1]/e.xyz.gz", "run[1]/f.LAZ"]),
        (["*/d.*"], ["deep/d.npy"]),
        (["notes.md"], ["notes.md"]),  # read() says what is wrong with it
    ],
)
def test_files_folders_and_globs_are_found(
    folder: Path, entries: list[str], expected: list[str]
) -> None:
    found = expand([folder / entry for entry in entries])
    assert found == [folder / name for name in expected]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "no files given"),
        (["gone.obj"], "gone.obj: there is no such file or folder"),
        (["deep.xyz"], r"nothing in this folder can be read \(known: .asc"),
        (["*.md"], "matches no file that can be read"),
        (["*.stl"], "matches no file that can be read"),
        (["b.obj", "gone"], "gone: there is no such file"),
        (["n" * 300], "File name too long"),
    ],
)
def test_what_is_not_found_is_said(folder: Path, entries: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        expand([folder / entry for entry in entries])


@pytest.mark.parametrize("entry", ["", "  "])
def test_an_empty_name_is_not_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="name is empty"):
        expand(["b.obj", entry])


def test_relative_globs_are_found_from_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert expand(["*.obj", "run[1]/*.LAZ"]) == [Path("b.obj"), Path("run[1]/f.LAZ")]
