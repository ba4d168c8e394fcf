"""Shapes to choose from, and strangers' files."""

import tempfile
from pathlib import Path

import pytest
import torch

from pcea.errors import InputError
from pcea.explanation import importance
from pcea.models import PointModel, load_model, orientation
from pcea.models.orientation import categories_by_up, weigh_axes
from pcea.models.prediction import UpGuess
from pcea.viewer.collection import MOST_UPLOADS, Collection
from pcea.viewer.document import of_study
from pcea.viewer.panels import Columns

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


def test_studies_are_kept_within_bounds(
    segmenter: PointModel, shape_files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pcea.viewer.collection.MOST_STUDIES", 1)
    collection = Collection(shape_files, [segmenter])
    before = collection.study("cube.ply")
    collection.study("ball.ply")
    after = collection.study("cube.ply")
    assert after is not before
    assert len(after.shape.file_pos) == len(before.shape.file_pos)


def test_each_model_of_other_weights_guesses_and_all_are_drawn_with_one_axis_up(
    segmenter: PointModel,
    classifier: PointModel,
    shape_files: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guesses = {
        segmenter: UpGuess((1.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
        classifier: UpGuess((0.0, 0.0, 0.4, 0.0, 0.6, 0.0)),
    }
    monkeypatch.setattr(orientation, "find_up", lambda model, shape: guesses[model])
    collection = Collection(shape_files, [segmenter, classifier], up="auto")
    second, first = (collection.study("cube.ply", model) for model in (1, 0))
    assert (first.up, second.up) == ("x", "x")
    assert (first.explanation.up, second.explanation.up) == ("x", "z")
    assert (of_study(first)["up"], of_study(second)["up"]) == ("x", "z")  # beside their names
    # All that is said of the shape is what the model says of it outside the viewer.
    alone = classifier.predict(second.shape, 1)
    assert list(second.prediction) == alone.best(5) and second.notes == alone.notes
    found = second.values("importance")
    assert isinstance(found, Columns)
    target = second.panels["importance"][1][0]
    expected = importance(classifier, second.shape, target, votes=1, up="z")
    torch.testing.assert_close(found.values[0, :, -1], expected.saliency)


def test_models_that_ship_share_a_guess_and_each_combines_its_categories(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, weight = [], weigh_axes(torch.tensor([0.1, 0.1, 0.3, 0.1, 0.3, 0.1]))

    def hesitate(*asked_of: object) -> torch.Tensor:
        asked.append(asked_of)
        return torch.tensor([0.1, 0.1, 0.3, 0.1, 0.3, 0.1])

    monkeypatch.setattr(orientation, "axes_by_guide", hesitate)
    models = [load_model(name) for name in ("everyday-eat-tiny", "modelnet40-eat-small")]
    file = Path(__file__).parents[2] / "data" / "samples" / "stool.obj"
    collection = Collection([file], models, "auto")
    for number, model in enumerate(models):
        study = collection.study("stool.obj", number)
        assert study.up == study.explanation.up == "y"
        expected = weight @ categories_by_up(model, file)
        torch.testing.assert_close(study.explanation.category_probability, expected)
        assert any("which way is up is not sure" in note for note in study.notes)
    assert len(asked) == 1


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
    ("name", "called"),
    [
        ("chair.xyz", "chair.xyz"),
        ("a\0b\n<c>.xyz", r"a\x00b\n<c>.xyz"),
        ("stuhl-größe 2.xyz", "stuhl-größe 2.xyz"),
        ("x" * 500 + ".xyz", "x" * 500 + ".xyz"),  # longer than file names can be
    ],
)
def test_names_of_uploads_can_be_printed(segmenter: PointModel, name: str, called: str) -> None:
    assert Collection([], [segmenter]).add(name, ROWS) == called


def test_a_broken_upload_is_one_line(segmenter: PointModel, uploads: Path) -> None:
    collection = Collection([], [segmenter])
    for name, content in (
        ("a.ply", b"ply\nx"),
        ("b.exe", ROWS),
        ("c.xyz", b""),
        ("..", ROWS),
        ("", ROWS),
    ):
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
    with pytest.raises(InputError, match=r"0\.xyz: there is no such shape"):
        collection.study("0.xyz")


def test_a_name_that_comes_again_is_another_shape(segmenter: PointModel) -> None:
    collection = Collection([], [segmenter])
    collection.add("a.xyz", ROWS)
    before = collection.study("a.xyz")
    for i in range(MOST_UPLOADS):
        collection.add(f"{i}.xyz", ROWS)
    assert collection.add("a.xyz", ROWS) == "a.xyz"
    assert collection.study("a.xyz") is not before
