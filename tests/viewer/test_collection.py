"""Shapes to choose from, and strangers' files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pcea.errors import InputError
from pcea.models import PointModel
from pcea.viewer.collection import MOST_UPLOADS, Collection, safe_name

ROWS = b"0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 1 1\n"


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that an upload may touch."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_files_are_opened_when_they_are_chosen(
    segmenter: PointModel, shape_files: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "cube.ply"
    broken.write_bytes(b"ply\nnonsense")
    collection = Collection([*shape_files, broken], [segmenter])
    assert collection.names == ("cube.ply", "ball.ply", "cube.ply (2)")
    assert collection.study("cube.ply") is collection.study("cube.ply")
    with pytest.raises(InputError, match=r"cube\.ply"):
        collection.study("cube.ply (2)")


def test_one_that_was_forgotten_is_opened_again(
    segmenter: PointModel, shape_files: list[Path]
) -> None:
    collection = Collection(shape_files, [segmenter])
    before = collection.study("cube.ply")
    collection.forget()
    after = collection.study("cube.ply")
    assert after is not before
    assert len(after.shape.file_pos) == len(before.shape.file_pos)


def test_studies_are_kept_within_bounds(
    segmenter: PointModel, shape_files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pcea.viewer.collection.MOST_STUDIES", 1)
    collection = Collection(shape_files, [segmenter])
    cube = collection.study("cube.ply")
    collection.study("ball.ply")
    assert collection.study("cube.ply") is not cube


def test_all_models_take_one_axis_for_up(
    segmenter: PointModel,
    classifier: PointModel,
    shape_files: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "pcea.models.orientation.find_up",
        lambda model, shape: type(
            "Guess", (), {"up": "x" if model is segmenter else "z", "confidence": 1.0}
        ),
    )
    collection = Collection(shape_files, [segmenter, classifier], up="auto")
    assert [collection.study("cube.ply", model).up for model in (1, 0)] == ["x", "x"]


def test_models_of_one_name_are_told_apart(segmenter: PointModel) -> None:
    titles = Collection([], [segmenter, segmenter]).titles
    assert titles == ("eat-seg-tiny, external attention", "eat-seg-tiny, external attention (2)")


@pytest.mark.parametrize(
    "name",
    ["../../evil.xyz", "/etc/evil.xyz", "..\\..\\evil.xyz", "C:\\evil.xyz", "a/../b/evil.xyz"],
)
def test_an_upload_stays_in_its_folder(
    segmenter: PointModel, uploads: Path, tmp_path: Path, name: str
) -> None:
    before = set(tmp_path.rglob("*"))
    collection = Collection([], [segmenter])
    assert collection.add(name, ROWS) == "evil.xyz"
    assert set(tmp_path.rglob("*")) == before  # nothing is left of it
    assert len(collection.study("evil.xyz").shape.sample(5)) == 5


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("chair.obj", "chair.obj"),
        ("..", "upload"),
        ("", "upload"),
        ("/", "upload"),
        (".ply", "ply"),
        ("a\0b\n<c>.ply", "a_b__c_.ply"),
        ("stuhl-größe 2.ply", "stuhl-größe 2.ply"),
        ("x" * 500 + ".ply", "x" * 70 + ".ply"),
        ("x" * 500, "x" * 80),
        ("x" * 500 + ".ply.gz", "x" * 70 + ".ply.gz"),
        ("椅" * 100 + ".ply", "椅" * 60 + ".ply"),
    ],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_broken_upload_is_one_line(segmenter: PointModel, uploads: Path) -> None:
    collection = Collection([], [segmenter])
    for name, content in (("a.ply", b"ply\nx"), ("b.exe", ROWS), ("c.xyz", b""), ("..", ROWS)):
        with pytest.raises(InputError) as error:
            collection.add(name, content)
        assert "\n" not in str(error.value)
        assert str(uploads) not in str(error.value)
    assert collection.names == ()
    assert list(uploads.iterdir()) == []


def test_old_uploads_make_room(segmenter: PointModel) -> None:
    collection = Collection([], [segmenter])
    called = [collection.add(f"{i}.xyz", ROWS) for i in range(MOST_UPLOADS + 2)]
    assert collection.names == tuple(called[2:])
    assert collection.add("5.xyz", ROWS) == "5.xyz (2)"
    with pytest.raises(KeyError):
        collection.study("0.xyz")
