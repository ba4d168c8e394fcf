"""The demonstration, with the set-up and the command replaced by what the test can afford."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository whose set-up does nothing and whose pcea says its words."""
    root = tmp_path / "a repository"
    (root / "scripts").mkdir(parents=True)
    (root / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/segmentation_demo", root / "scripts")
    for path, text in (
        ("scripts/setup", "exit 0"),
        (".venv/bin/pcea", 'for each in "$@"; do echo "<$each>"; done'),
    ):
        (root / path).write_text(f"#!/bin/sh\n{text}\n")
        (root / path).chmod(0o755)
    return root


def call(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "scripts/segmentation_demo", *words],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **environment},
        check=False,
    )


def test_it_takes_the_samples_and_the_model_that_ships(copy: Path) -> None:
    done = call(copy)
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[:2] == ["<segment>", f"<{copy}/data/samples>"]
    assert "<--weights>" not in words
    out = words[words.index("<--out>") + 1].strip("<>")
    assert out.startswith(f"{copy}/runs/segmentation-")
    assert f"Everything lies in {out}" in done.stdout


def test_it_takes_what_is_given(copy: Path, tmp_path: Path) -> None:
    own = tmp_path / "my scans"
    own.mkdir()
    done = call(copy, str(own), WEIGHTS="runs/my seg")
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[1] == f"<{own}>"
    assert words[words.index("<--weights>") + 1] == "<runs/my seg>"


@pytest.mark.parametrize("word", ["no/such/folder", "--votes"])
def test_it_refuses_what_is_not_there(copy: Path, word: str) -> None:
    done = call(copy, word)
    assert done.returncode == 2
    assert done.stdout == ""
    assert word in done.stderr and done.stderr.count("\n") == 1
