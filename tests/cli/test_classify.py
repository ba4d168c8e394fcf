"""Files and the names they are given."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pcea as package
from pcea.models import Classifier
from pcea.models.orientation import find_up

if TYPE_CHECKING:
    from tests.cli.conftest import Command


def test_files(pcea: Command, classifier: Path, cube: Path, ball: Path, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    words = ("classify", cube, ball, "--weights", classifier, "--votes", 2, "--json", file)
    out = pcea(*words)
    assert str(cube) in out
    assert str(ball) in out
    found = json.loads(file.read_text())
    assert found["task"] == "classification"
    assert found["version"] == package.__version__
    assert [each["file"] for each in found["files"]] == [str(cube), str(ball)]
    best = found["files"][0]["categories"]
    assert {each["name"] for each in best} == {"Ball", "Box"}
    assert sum(each["probability"] for each in best) == pytest.approx(1)
    assert best[0]["probability"] >= best[1]["probability"]
    pcea(*words)
    assert json.loads(file.read_text()) == found


def test_up_is_guessed_or_told_and_said(
    pcea: Command, classifier: Path, cube: Path, tmp_path: Path
) -> None:
    file = tmp_path / "found.json"
    words = ("classify", cube, "--weights", classifier, "--json", file)
    model = package.load_model(classifier)
    assert isinstance(model, Classifier)
    shape = package.read(cube)
    told = {}
    for up in ("y", "-x", "z"):
        out = pcea(*words, "--up", up)
        assert re.search(rf"cube\.obj +{up} +B", out) and "(guessed)" not in out
        found = json.loads(file.read_text())["files"][0]
        assert (found["up"], found["up_confidence"]) == (up, None)
        told[up] = {each["name"]: each["probability"] for each in found["categories"]}
        assert told[up] == pytest.approx(dict(model.classify(shape, up=up)))
    assert told["y"] != told["-x"]
    guess = find_up(model, shape)
    out = pcea(*words)
    assert f" {guess.up} (guessed) " in out
    found = json.loads(file.read_text())["files"][0]
    assert found["up"] == guess.up
    assert found["up_confidence"] == pytest.approx(guess.confidence)
    # Python answers as the command does.
    by_name = {each["name"]: each["probability"] for each in found["categories"]}
    assert by_name == dict(model.classify(cube))
    assert "--up" in pcea("classify", cube, "--up", "w", status=2)


def test_folder_and_top(pcea: Command, classifier: Path, cube: Path, ball: Path) -> None:
    out = pcea("classify", "--weights", classifier, "--top", 1, cube.parent)
    assert out.count("%") == 2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[red]cube.obj", "[red]cube.obj"),
        ("椅子 🪑.obj", "椅子 🪑.obj"),
        ("two\nlines\x1b[31m.obj", "two\\nlines\\x1b[31m.obj"),
        ("not text \udcff.obj", "not text \\udcff.obj"),
    ],
)
def test_a_name_is_shown_in_one_line(
    pcea: Command, classifier: Path, cube: Path, name: str, shown: str
) -> None:
    odd = cube.rename(cube.with_name(name))
    json_file = cube.with_name("found.json")
    assert shown in pcea("classify", odd, "--weights", classifier, "--json", json_file)
    assert json.loads(json_file.read_text())["files"][0]["file"] == str(odd)
    odd.write_text("")
    assert shown in pcea("classify", odd, "--weights", classifier, status=2)


def test_weights_left_out_are_those_that_ship(pcea: Command, tmp_path: Path) -> None:
    chair = Path(__file__).parents[2] / "data" / "samples" / "chair.obj"
    file = tmp_path / "found.json"
    assert " chair " in pcea("classify", chair, "--json", file)
    assert json.loads(file.read_text())["weights"] == "modelnet40-eat-robust"


def test_weights_of_the_other_task(pcea: Command, segmenter: Path, cube: Path) -> None:
    err = pcea("classify", cube, "--weights", segmenter, status=2)
    assert "use it with pcea segment" in err


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("short.xyz", "0 0 0\n1 1 1\n2 2\n", "line 3"),
        ("nan.xyz", "0 0 0\nnan 1 1\n", "NaN"),
        ("one.xyz", "0 0 0\n", "single point"),
        ("equal.xyz", "1 2 3\n" * 5, "equal"),
        ("empty.xyz", "", "empty"),
        ("empty.off", "OFF\n0 0 0\n", "empty.off"),
        ("flat.obj", "v 0 0 0\nv 1 1 1\nf 1 2 2\n", "area"),
        ("words.docx", "hello", "cannot be read"),
    ],
)
def test_a_wrong_file_is_named_and_the_others_are_done(
    pcea: Command, classifier: Path, cube: Path, name: str, content: str, reason: str
) -> None:
    file = cube.with_name(name)
    file.write_text(content)
    json_file = cube.with_name("found.json")
    words = ("--weights", classifier, "--json", json_file)
    out = pcea("classify", file, cube, *words, status=3)
    assert str(cube) in out and str(file) not in out
    (complaint,) = pcea.complaints
    assert complaint.startswith(f"pcea: {file}: ") and reason in complaint
    found = json.loads(json_file.read_text())
    assert [each["file"] for each in found["files"]] == [str(cube)]
    (left_out,) = found["left_out"]
    assert complaint == f"pcea: {left_out['file']}: {left_out['reason']}"

    json_file.unlink()
    assert pcea("classify", file, *words, status=2) == f"{complaint}\n"
    assert not json_file.exists()


def test_a_folder_with_a_text_file_in_it(
    pcea: Command, classifier: Path, cube: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shapes"
    folder.mkdir()
    off = "OFF\n4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"
    for name in ("a.off", "b.off"):
        (folder / name).write_text(off)
    (folder / "readme.txt").write_text("These shapes were made by hand.\n")
    out = pcea("classify", folder, "--weights", classifier, status=3)
    assert str(folder / "a.off") in out and str(folder / "b.off") in out
    (complaint,) = pcea.complaints
    assert complaint.startswith(f"pcea: {folder / 'readme.txt'}: ")
    assert complaint.count("readme.txt") == 1


def test_a_name_that_finds_nothing_is_left_out_too(
    pcea: Command, classifier: Path, cube: Path
) -> None:
    out = pcea("classify", cube, "no/such.obj", "no/*.ply", "--weights", classifier, status=3)
    assert str(cube) in out
    assert [line.split(": ")[1] for line in pcea.complaints] == ["no/such.obj", "no/*.ply"]


def test_what_the_model_refuses_is_left_out(
    pcea: Command, classifier: Path, cube: Path, ball: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = Classifier.predict

    def refuse(self: Classifier, shape: package.Cloud, *options: Any) -> Any:
        if shape.name == "ball":
            raise package.InputError("too round\nto be true")
        return predict(self, shape, *options)

    monkeypatch.setattr(Classifier, "predict", refuse)
    assert str(cube) in pcea("classify", ball, cube, "--weights", classifier, status=3)
    assert pcea.complaints == [f"pcea: {ball}: too round to be true"]


def test_what_to_know_of_a_file_is_said_beside_the_table(
    pcea: Command, classifier: Path, ball: Path, tmp_path: Path
) -> None:
    file = tmp_path / "gone.xyz"
    file.write_text("nan nan nan\n" + ball.read_text())
    json_file = tmp_path / "found.json"
    out = pcea("classify", file, "--weights", classifier, "--json", json_file)
    said = [line for line in pcea.notes if "no position" in line]
    assert len(said) == 1
    assert said[0].startswith(f"{file}: 1 of 51 points")
    assert "no position" not in out
    (found,) = json.loads(json_file.read_text())["files"]
    assert [f"{file}: {note}" for note in found["notes"]] == pcea.notes


@pytest.mark.parametrize("words", [(), ("--keep-strays",)])
def test_strays_are_kept_on_demand(
    pcea: Command,
    classifier: Path,
    cube: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    asked = []
    predict = Classifier.predict

    def listen(self: Classifier, *options: Any) -> Any:
        asked.append(vars(self).get("clean", True))
        return predict(self, *options)

    monkeypatch.setattr(Classifier, "predict", listen)
    pcea("classify", cube, "--weights", classifier, *words)
    assert asked == [not words]
