"""``pcea view``: the page on disk, the server, and what is refused."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread, main_thread
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from pcea.cli import main

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


def test_the_page_is_never_written_over_an_input(
    pcea: Command, segmenter: Path, cube: Path
) -> None:
    before = cube.read_bytes()
    err = pcea("view", cube, "--weights", segmenter, "--html", cube, status=2)
    assert f"--html {cube}: it is an input file" in err and cube.read_bytes() == before


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


def test_it_serves_until_it_is_interrupted(
    segmenter: Path, ball: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found: list[str] = []
    ended = Event()

    def visit_and_interrupt() -> None:
        until = time.monotonic() + 120
        while not found and not ended.wait(0.05) and time.monotonic() < until:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}", timeout=20) as answer:
                found.append(answer.read().decode())
        if not ended.is_set():
            signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)

    # Tests that run in the background of a shell inherit that Ctrl-C is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    visitor = Thread(target=visit_and_interrupt)
    visitor.start()
    try:
        status = main(["view", str(ball), "--weights", str(segmenter), "--port", str(port)])
    finally:
        ended.set()
        visitor.join()
        signal.signal(signal.SIGINT, before)
    assert '"names": ["ball.xyz"]' in found[0]
    address = f"the viewer is at http://127.0.0.1:{port} (Ctrl-C ends it)\n"
    assert (status, *capsys.readouterr()) == (130, address, "pcea: interrupted\n")
    with socket.create_server(("127.0.0.1", port)):
        pass  # it is free again
