"""The example of a plug-in: it is installed, trains by the command, and passes its own tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from safetensors import safe_open

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
# Several commands in one process, which imports torch once.
COMMANDS = """
import sys
from pcea.cli import main
sys.exit(any(main(words.split()) for words in sys.argv[1:]))
"""


def run(*command: str | Path, place: Path, installed: Path) -> str:
    """Run Python where the plug-in is installed, and return what it prints."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
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
    run("-m", "pip", "install", *options, folder, EXAMPLE, place=folder, installed=folder)
    return folder


def test_it_trains_and_is_measured_by_the_commands(installed: Path, tmp_path: Path) -> None:
    train = "train shapes-cls --dataset solids --attention distance --epochs 1 --num-points 64"
    train += " --transforms scale quantize(0.02)"
    words = (f"{train} --out run", "evaluate run --split val", "data list")
    printed = run("-c", COMMANDS, *words, place=tmp_path, installed=installed)
    with safe_open(tmp_path / "run" / "model.safetensors", "pt") as weights:
        assert '"attention": "distance"' in " ".join(weights.metadata().values())
    recipe = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["recipe"]
    assert recipe["transforms"] == ["scale", "quantize(0.02)"]
    assert "on solids val" in printed
    assert re.search(r"^ *solids +train", printed, re.MULTILINE)


def test_its_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    tests = EXAMPLE / "tests"
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:dash", "--rootdir", tests)
    told = run("-m", "pytest", *options, tests, place=tmp_path, installed=installed)
    assert "7 passed" in told
