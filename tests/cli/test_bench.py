"""Benchmarks, at sizes that take no time."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pcea.benchmarks import beside, model, run, training
from pcea.benchmarks.limits import Limits
from pcea.benchmarks.report import Finding
from pcea.cli import main
from pcea.datasets import load_dataset

Run = Callable[..., str]
GEOMETRY = "bench geometry --batch 2 --points 64 --k 4 --rounds 2 --no-memory --device cpu".split()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Limits({"float32": 1e11, "bf16": 1e11}, copy=1e10)
    monkeypatch.setattr(run, "measure_limits", lambda *_: found)


def test_geometry(pcea: Run, tmp_path: Path) -> None:
    file, picture = tmp_path / "g.json", tmp_path / "g.png"
    out = pcea(*GEOMETRY, "--json", file, "--picture", picture)
    assert "limit: products of matrices float32 100, bf16 100 GFLOP/s, copy 10.0 GB/s" in out
    assert "Farthest points: 32 of 64, batch 2 (× faster than plain loop)" in out
    found = json.loads(file.read_text())
    assert found["benchmark"] == "geometry"
    assert found["options"]["points"] == 64 and found["options"]["json"] == str(file)
    for contest in found["contests"]:
        rows = {row["name"]: row for row in contest["rows"]}
        assert len(rows["pcea"]["samples"]) == 2
        assert rows["pcea"]["agreement"] == 1
        assert rows[contest["reference"]]["ratio"]["median"] == 1
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_attention(pcea: Run, tmp_path: Path) -> None:
    picture = tmp_path / "a.svg"
    words = "bench attention --points 32 48 64 --dim 16 --rounds 1 --no-memory --device cpu"
    out = pcea(*words.split(), "--picture", picture)
    assert "Forward: 64 points, C = 16 (× faster than flash attention alone)" in out
    assert "Forward: the exponent a, if the time grows like points^a" in out
    assert "48 to 64" in out
    assert "pcea, external" in picture.read_text()


def test_model(pcea: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(model, "INFERENCE", {"": model.eager})
    # Two centers with two neighbors each take no time in bf16 either.
    monkeypatch.setattr(model, "conv1d", partial(model.Conv1dPCT, 40, num=(2, 2), k=2))
    file = tmp_path / "m.json"
    words = "bench model --models eat-tiny --batch 2 --points 512 --rounds 1 --no-memory --no-peers"
    out = pcea(*words.split(), "--precision", "both", "--device", "cpu", "--json", file)
    assert "Inference: 512 points, batch 2 (× faster than pct as Conv1d)" in out
    rows = json.loads(file.read_text())["contests"][0]["rows"]
    assert [row["name"] for row in rows][2:] == ["eat-tiny", "eat-tiny, bf16"]
    assert all(row["share_of_limit"] > 0 for row in rows)


@pytest.fixture
def _few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(name: str, split: str, root: object = None) -> Any:
        return load_dataset(name, split, num_per_category=2, num_points=64)

    def eager(recipe: Any, *rest: Any) -> Any:
        contest = found(recipe, *rest)
        return replace(contest, contestants=contest.contestants[:1])

    found = training.training_contest
    monkeypatch.setattr(training, "training_contest", eager)
    monkeypatch.setattr(training, "load_dataset", few)


TRAIN = "bench train --batch 4 --points 32 --rounds 1 --no-memory --device cpu".split()


@pytest.mark.usefixtures("_few_shapes")
def test_kernels(pcea: Run, tmp_path: Path) -> None:
    file, picture = tmp_path / "k.json", tmp_path / "k.svg"
    words = "bench kernels --batch 2 --points 32 --dim 8 --k 4 --rounds 1 --no-memory --device cpu"
    out = pcea(*words.split(), "--json", file, "--picture", picture)
    assert "of bound" in out and "× faster" not in out
    found = json.loads(file.read_text())
    assert found["contests"][0]["reference"] is None
    assert found["kernels"]["edge moments"]["bound"] in ("arithmetic", "bandwidth")
    assert "edge moments" in picture.read_text()


def test_train(pcea: Run, tmp_path: Path) -> None:
    file = tmp_path / "t.json"
    out = pcea(*TRAIN, "--precision", "float32", "--no-beside", "--json", file)
    assert "Training step of shapes-cls: eat-tiny, 32 points, batch 4, float32" in out
    written = json.loads(file.read_text())
    assert list(written["phase_seconds"]) == list(training.PHASES)
    assert f"an epoch of {written['steps']} steps, eager" in out
    assert {kind["name"] for kind in written["operators"]} > {"matrix products", "optimizer"}
    assert "beside" not in written and "beside" not in out


@pytest.mark.usefixtures("_few_shapes")
def test_train_beside_a_busy_process(
    pcea: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def measure(contestant: Any, setting: str, threads: int) -> dict[str, float]:
        assert contestant.name == "eager"
        return {"idle": 0.1, "busy": 0.6 if setting == "default" else 0.15}

    monkeypatch.setattr(beside, "time_apart", measure)
    monkeypatch.setattr(beside, "uses_libgomp", lambda: True)
    monkeypatch.setattr(run, "too_late", lambda: "torch was imported before pcea")
    monkeypatch.setattr(training, "findings", lambda *_: [Finding((), {"steps": 2})])
    file = tmp_path / "t.json"
    out = pcea(*TRAIN, "--precision", "float32", "--pairs", 2, "--json", file)
    assert "\ntorch was imported before pcea\n" in out
    assert "libgomp's default" in out and "beside one busy process" in out and "1.50 ×" in out
    found = json.loads(file.read_text())["beside"]
    assert found["samples"]["default"]["busy"] == [0.6, 0.6]
    assert found["ratio"]["busy"]["median"] == pytest.approx(1.5)


@pytest.mark.usefixtures("_few_shapes")
def test_ctrl_c_beside_a_busy_process_saves_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*rest: Any) -> dict[str, float]:
        raise KeyboardInterrupt

    monkeypatch.setattr(beside, "time_apart", measure)
    monkeypatch.setattr(beside, "uses_libgomp", lambda: True)
    monkeypatch.setattr(training, "findings", lambda *_: [Finding((), {"steps": 2})])
    file = tmp_path / "t.json"
    assert main([*TRAIN, "--precision", "float32", "--json", str(file)]) == 130
    assert "the results until then are above" in capsys.readouterr().err
    found = json.loads(file.read_text())
    assert found["interrupted"] and found["beside"]["interrupted"]
    assert found["steps"] == 2


def test_limits_that_rise_are_said_and_used(
    pcea: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rates = iter([1e11, 2e11])
    monkeypatch.setattr(
        run, "measure_limits", lambda *_: Limits({"float32": next(rates), "bf16": 1e11}, 1e10)
    )
    file = tmp_path / "g.json"
    out = pcea(*GEOMETRY, "--json", file)
    assert "measured again at the end" in out and "float32 200" in out
    assert json.loads(file.read_text())["limits"]["products"]["float32"] == 2e11


def test_ctrl_c_saves_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare = run.compare

    def interrupted(contest: Any, *rest: Any) -> Any:
        measured = compare(contest, *rest)
        measured.interrupted = "Neighbors" in contest.title
        return measured

    monkeypatch.setattr(run, "compare", interrupted)
    file = tmp_path / "g.json"
    assert main([*GEOMETRY, "--json", str(file)]) == 130
    assert "interrupted: the results until then are above" in capsys.readouterr().err
    found = json.loads(file.read_text())
    assert found["interrupted"]
    assert [contest["interrupted"] for contest in found["contests"]] == [False, True]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("geometri", "did you mean 'geometry'"),
        ("geometry --batch 0", "--batch is 0"),
        ("geometry --rounds 0", "--rounds is 0"),
        ("geometry --threads 0", "--threads is 0"),
        ("geometry --device nowhere", "--device nowhere cannot be used"),
        ("geometry --picture a.bmp", "ends in .png, .svg or .pdf"),
        ("geometry --json .", "it is a folder"),
        ("geometry --picture .", "it is a folder"),
        ("geometry --pionts 5", "'--points'"),
        ("attention --points 16 0", "--points is (16, 0); it must be a list of whole numbers"),
        ("attention --dim 6", "four heads"),
        ("model --models pct eaat", "'eaat' (did you mean 'eat'"),
        ("model --models eat-seg", "no classifier is called 'eat-seg'"),
        ("model --batch 1", "at least 2 clouds"),
        ("model --points 100", "pct samples 512"),
        ("kernels --k 600", "--k is 600"),
        ("train shapes-clss", "did you mean 'shapes-cls'"),
        ("train --batch 0", "batch_size is 0"),
        ("train --pairs 0", "--pairs is 0"),
    ],
)
def test_refuses(pcea: Run, words: str, reason: str) -> None:
    assert reason in pcea("bench", *words.split(), status=2)
