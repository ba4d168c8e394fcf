"""``pcea calibrate``, and what the calibrated model says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pcea as package
from pcea.models import save_model

if TYPE_CHECKING:
    from tests.cli.conftest import Command


def test_a_calibrated_model_says_when_it_is_unsure(
    pcea: Command, classifier: Path, toys: Path, cube: Path, tmp_path: Path
) -> None:
    file, found = tmp_path / "own.safetensors", tmp_path / "found.json"
    out = pcea("calibrate", classifier, "--out", file, "--data-root", toys)
    assert "calibration of" in out and f"written: {file}" in out
    limits = package.load_model(file).info.limits
    assert set(limits) == {"probability", "strangeness"}
    out = pcea("classify", cube, "--weights", file, "--top", 1, "--json", found)
    (answer,) = json.loads(found.read_text())["files"]
    assert answer["unsure"] == bool(answer["doubts"])
    assert answer["unsure"] == (
        answer["strangeness"] > limits["strangeness"]
    )  # of two, one has half
    assert ("unsure" in out) == answer["unsure"]
    assert len(answer["categories"]) == (2 if answer["unsure"] else 1)


def test_a_model_without_limits_says_nothing(
    pcea: Command, classifier: Path, cube: Path, tmp_path: Path
) -> None:
    pcea("classify", cube, "--weights", classifier, "--json", tmp_path / "found.json")
    (answer,) = json.loads((tmp_path / "found.json").read_text())["files"]
    assert (answer["unsure"], answer["doubts"], answer["strangeness"]) == (None, [], None)


def test_a_segmenter_says_when_its_category_is_unsure(
    pcea: Command, segmenter: Path, toys: Path, cube: Path, tmp_path: Path
) -> None:
    file = tmp_path / "own.safetensors"
    pcea("calibrate", segmenter, "--out", file, "--data-root", toys)
    limits = package.load_model(file).info.limits
    assert set(limits) == {"probability", "strangeness"} and limits["probability"] == 0.5
    json_file = tmp_path / "found.json"
    pcea("segment", cube, "--weights", file, "--out", tmp_path / "out", "--json", json_file)
    (answer,) = json.loads(json_file.read_text())["files"]
    likely = answer["category_probability"] >= 0.5
    familiar = answer["strangeness"] <= limits["strangeness"]
    assert answer["unsure"] == (not likely or not familiar)
    assert len(answer["doubts"]) == (not likely) + (not familiar)


def test_attend_says_that_an_answer_is_unsure(
    pcea: Command, classifier: Path, cube: Path, tmp_path: Path
) -> None:
    model = package.load_model(classifier)
    model.info = replace(model.info, limits={"probability": 0.999})
    save_model(model, tmp_path / "doubtful.safetensors")
    words = ("--votes", 1, "--slots", 1, "--json", tmp_path / "seen.json")
    weights = ("--weights", tmp_path / "doubtful.safetensors")
    out = pcea("attend", cube, "--out", tmp_path / "out", *weights, *words)
    (answer,) = json.loads((tmp_path / "seen.json").read_text())["files"]
    assert answer["unsure"] and "less than 100 %" in answer["doubts"][0]
    assert answer["strangeness"] is None
    assert " %, unsure)" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("{cls} --out own.pt", "must end in .safetensors"),
        ("{seg} --out own.safetensors --dataset shapes", "which the model does not know"),
        ("{cls} --out {cls}/model.safetensors", "it is an input file; name another one"),
        ("{cls}/model.safetensors --out {cls}/model.safetensors", "it is an input file; name"),
    ],
)
def test_wrong_words(
    pcea: Command, classifier: Path, segmenter: Path, words: str, complaint: str
) -> None:
    before = (classifier / "model.safetensors").read_bytes()
    given = words.format(cls=classifier, seg=segmenter).split()
    assert complaint in pcea("calibrate", *given, status=2)
    assert (classifier / "model.safetensors").read_bytes() == before
