"""``pcea view``: the page on disk, the server, and what is refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command


def test_a_page_on_disk(
    pcea: Command, segmenter: Path, classifier: Path, cube: Path, ball: Path, tmp_path: Path
) -> None:
    file = tmp_path / "out" / "page.html"
    words = ("view", cube, ball, "--weights", segmenter, classifier, "--up", "y")
    assert str(file) in pcea(*words, "--html", file)
    text = file.read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert "cube.obj" in text and "ball.xyz" in text
    assert text.count(", external attention") == 4  # two shapes, two models


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("no/such.obj", "no/such.obj"),
        ("--port 70000", "--port is 70000"),
        ("--max-upload 0", "--max-upload is 0"),
        ("--up w", "--up"),
        ("--html .", "is a folder"),
        ("--html new.html", "no files given"),
        ("--weights no/such/run", "no/such/run"),
        ("--host 192.0.2.1", "cannot be used"),
    ],
)
def test_wrong_calls(
    pcea: Command,
    segmenter: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: str,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    options = words.split() if "--weights" in words else [*words.split(), "--weights", segmenter]
    assert reason in pcea("view", *options, status=2)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_leaves_no_page(pcea: Command, segmenter: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.ply"
    broken.write_bytes(b"ply\nnonsense")
    file = tmp_path / "page.html"
    err = pcea("view", broken, "--weights", segmenter, "--html", file, status=2)
    assert "broken.ply" in err and not file.exists()


def test_a_page_of_the_files_that_can_be_used(
    pcea: Command, segmenter: Path, ball: Path, tmp_path: Path
) -> None:
    broken, gone = tmp_path / "broken.ply", tmp_path / "gone.xyz"
    broken.write_bytes(b"ply\nnonsense")
    gone.write_text("nan nan nan\n" + ball.read_text())
    page = tmp_path / "page.html"
    words = ("--weights", segmenter, "--up", "y", "--html", page)
    assert str(page) in pcea("view", broken, gone, *words, status=3)
    (complaint,) = pcea.complaints
    assert complaint.startswith(f"pcea: {broken}: ")
    (said,) = [line for line in pcea.notes if "no position" in line]
    assert said.startswith(f"{gone}: 1 of 51 points")
    text = page.read_text()
    assert "gone.xyz" in text and "broken.ply" not in text
    assert "1 of 51 points have no position" in text


def test_it_serves_until_it_is_interrupted(segmenter: Path, ball: Path) -> None:
    words = ["view", str(ball), "--weights", str(segmenter), "--port", "0", "--up", "y"]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "pcea", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        # Tests that run in the background of a shell inherit that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            assert process.stdout and process.stderr
            said = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", said)
            assert found, said + process.stderr.read()
            with urllib.request.urlopen(found[0], timeout=20) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (130, "", "pcea: interrupted\n")
