"""Files and the names they are given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import pcea as package
from pcea.models import Classifier
from pcea.models.orientation import guess_up

Run = Callable[..., str]


def test_files(pcea: Run, classifier: Path, cube: Path, ball: Path, tmp_path: Path) -> None:
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
    pcea: Run, classifier: Path, cube: Path, tmp_path: Path
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
    guess = guess_up(model, shape)
    out = pcea(*words)
    assert f" {guess.up} (guessed) " in out
    found = json.loads(file.read_text())["files"][0]
    assert found["up"] == guess.up
    assert found["up_confidence"] == pytest.approx(guess.confidence)
    assert "--up" in pcea("classify", cube, "--up", "w", status=2)


def test_folder_and_top(pcea: Run, classifier: Path, cube: Path, ball: Path) -> None:
    out = pcea("classify", "--weights", classifier, "--top", 1, cube.parent)
    assert out.count("%") == 2


def test_names_are_not_markup(pcea: Run, classifier: Path, cube: Path) -> None:
    odd = cube.rename(cube.with_name("[red]cube.obj"))
    assert "[red]cube.obj" in pcea("classify", odd, "--weights", classifier)


def test_weights_left_out_are_those_that_ship(pcea: Run, tmp_path: Path) -> None:
    chair = Path(__file__).parents[2] / "data" / "samples" / "chair.obj"
    file = tmp_path / "found.json"
    assert " chair " in pcea("classify", chair, "--json", file)
    assert json.loads(file.read_text())["weights"] == "modelnet40-eat-small"


def test_weights_of_the_other_task(pcea: Run, segmenter: Path, cube: Path) -> None:
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
def test_wrong_files(
    pcea: Run, classifier: Path, cube: Path, name: str, content: str, reason: str
) -> None:
    file = cube.with_name(name)
    file.write_text(content)
    json_file = cube.with_name("found.json")
    words = ("classify", cube, file, "--weights", classifier, "--json", json_file)
    err = pcea(*words, status=2)
    assert name in err
    assert reason in err
    assert not json_file.exists()
