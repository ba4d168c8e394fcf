#!/usr/bin/env python3
"""Measure how long commands on one sample shape take from start to end, at two commits or more.

    scripts/measure_start.py f9861b1 HEAD --rounds 5
    scripts/measure_start.py HEAD --first    # with nothing compiled before, in each round

Each commit is unpacked into a temporary folder. The commands are run in turn, back and forth, once
before the rounds, so that numba has compiled what they need. The table has medians: seconds by the
clock, and of processor time.
"""

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHAPE = str(ROOT / "data/samples/chair.obj")
COMMANDS = {
    "classify": ("classify", SHAPE, "--up", "y"),
    "segment": ("segment", SHAPE, "--up", "y", "--out", "out"),
    "attend": ("attend", SHAPE, "--up", "y", "--out", "out"),
}


def unpack(commit: str, folder: Path) -> None:
    """Put the package, as it is at a commit, into a folder."""
    command = ["git", "archive", "--format=zip", commit, "pcea"]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        files.extractall(folder)


def measure(folder: Path, words: tuple[str, ...]) -> tuple[float, float]:
    """Run a command with the package in a folder: seconds by the clock, and of processor time."""
    places = {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "numba")}
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pcea", *words],
        cwd=folder,
        env={**os.environ, **places},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    took, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system
    return took, used - before.children_user - before.children_system


def main(words: list[str] | None = None) -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commits", nargs="*", default=["HEAD"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--first", action="store_true", help="compile anew for each command")
    options = parser.parse_args(words)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        folders = {commit: Path(place, str(i)) for i, commit in enumerate(options.commits)}
        for commit, folder in folders.items():
            unpack(commit, folder)
        for turn in range(options.rounds + 1):
            for commit, folder in list(folders.items())[:: -1 if turn % 2 else 1]:
                for command in options.commands:
                    if options.first:
                        shutil.rmtree(folder / "numba", ignore_errors=True)
                    seconds = measure(folder, COMMANDS[command])
                    if turn:
                        found.setdefault((command, commit), []).append(seconds)
    print(f"| command | {' | '.join(f'{each}: s | processor s' for each in options.commits)} |")
    print("|---|" + "---:|---:|" * len(options.commits))
    for command in options.commands:
        cells = [
            f"{statistics.median(values):.1f}"
            for commit in options.commits
            for values in zip(*found[command, commit], strict=True)
        ]
        print(f"| `{command}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
