"""The example of a plug-in: it is installed, trains by the command, and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"


def run(*command: str | Path, place: Path, installed: Path) -> str:
    """Run a Python module where the plug-in is installed, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        capture_output=True,
        text=True,
        cwd=place,
        timeout=240,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), *sys.path])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the plug-in."""
    folder = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target")
    run("pip", "install", *options, folder, EXAMPLE, place=folder, installed=folder)
    return folder


def test_it_trains_and_is_measured_by_the_commands(installed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train = "pcea train shapes-cls --dataset solids --attention distance --epochs 1 --num-points 64"
    run(*train.split(), "--out", out, place=tmp_path, installed=installed)
    with safe_open(out / "model.safetensors", "pt") as weights:
        assert '"attention": "distance"' in " ".join(weights.metadata().values())
    told = run("pcea", "evaluate", out, "--split", "val", place=tmp_path, installed=installed)
    assert "solids" in told
    assert "solids" in run("pcea", "data", "list", place=tmp_path, installed=installed)


def test_its_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    tests = EXAMPLE / "tests"
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:dash", "--rootdir", tests)
    told = run("pytest", *options, tests, place=tmp_path, installed=installed)
    assert "5 passed" in told
