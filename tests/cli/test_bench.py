"""Benchmarks, at sizes that take no time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pcea.benchmarks import Limits, limits, run
from pcea.cli import main

Run = Callable[..., str]
GEOMETRY = "bench geometry --batch 2 --points 64 --k 4 --rounds 2 --no-memory --device cpu".split()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Limits({"float32": 1e11, "bf16": 1e11}, copy=1e10)
    monkeypatch.setattr(limits, "measure_limits", lambda *_: found)


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
    assert "interrupted: what was measured until then stands above" in capsys.readouterr().err
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
    ],
)
def test_refuses(pcea: Run, words: str, reason: str) -> None:
    assert reason in pcea("bench", *words.split(), status=2)
