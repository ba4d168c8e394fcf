"""The example of a plug-in: it is installed, trains by the command, and passes its own tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml
from safetensors import safe_open

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
# Several commands and the tests of the plug-in in one process, which imports torch once.
COMMANDS = """
import sys
import pytest
from pcea.cli import main
tests, *commands = sys.argv[1:]
options = "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:dash", "--rootdir", tests
sys.exit(any(main(words.split()) for words in commands) or pytest.main([*options, tests]))
"""
TRAIN = (
    "train shapes-cls --dataset solids --attention distance --epochs 1 --num-points 64 "
    "--transforms scale quantize(0.02) --out run"
)


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


def test_it_is_installed_trains_by_the_commands_and_passes_its_own_tests(tmp_path: Path) -> None:
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target")
    folder = tmp_path / "installed"
    run("-m", "pip", "install", *options, folder, EXAMPLE, place=tmp_path, installed=folder)
    words = (EXAMPLE / "tests", TRAIN, "evaluate run --split val", "data list")
    printed = run("-c", COMMANDS, *words, place=tmp_path, installed=folder)
    with safe_open(tmp_path / "run" / "model.safetensors", "pt") as weights:
        assert '"attention": "distance"' in " ".join(weights.metadata().values())
    recipe = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["recipe"]
    assert recipe["transforms"] == ["scale", "quantize(0.02)"]
    assert "on solids val" in printed
    assert re.search(r"^ *solids +train", printed, re.MULTILINE)
    assert "7 passed" in printed
