"""Which command is meant, and how each ending looks from outside."""

import errno
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tyro.conf import Positional

import pcea as package
from pcea.cli import main
from pcea.cli.command import COMMANDS, register_command
from pcea.cli.data import ListData
from pcea.cli.output import say

Run = Callable[..., str]
COMMAND = [sys.executable, "-m", "pcea"]
# A command that prints a name and needs no torch, whose import would take the time of a test.
PRINTING = """
import sys
from pcea.cli import main
from pcea.cli.data import ListData
from pcea.cli.output import say
ListData.run = lambda self: say("toys in \u6570")
sys.exit(main(["data", "list"]))
"""


def printing(**options: object) -> subprocess.CompletedProcess[bytes]:
    """The printing command in a process of its own."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([sys.executable, "-c", PRINTING], timeout=120, check=False, **given)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_names_every_command(pcea: Run, words: tuple[str, ...]) -> None:
    out = pcea(*words)
    for name in ("train", "evaluate", "classify", "segment", "data list", "data import"):
        assert name in out


@pytest.mark.parametrize(
    "command", ["train", "evaluate", "classify", "segment", "view", "data list"]
)
def test_help_of_a_command(pcea: Run, command: str) -> None:
    out = pcea(*command.split(), "--help")
    assert f"usage: pcea {command}" in out
    assert "default: )" not in out and "default: '')" not in out


def test_help_of_a_group(pcea: Run) -> None:
    assert pcea("data") == pcea("data", "--help")
    assert "check" in pcea("data")


def test_a_command_is_one_class_that_registers_itself(
    pcea: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(COMMANDS, "_entries", dict(COMMANDS._entries))

    @register_command("greet-warmly")
    @dataclass(frozen=True)
    class Greet:
        """Say hello."""

        name: Positional[str]

        def run(self) -> None:
            say(f"hello {self.name}")

    assert pcea("greet-warmly", "you") == "hello you\n"
    assert "greet-warmly" in pcea("--help")
    assert "'greet-warmly'" in pcea("greet-wamly", status=2)
    register_command("data-greet")(Greet)
    assert pcea("data", "greet", "you") == "hello you\n"
    assert "greet" in pcea("data") and "data greet" in pcea("--help")


def test_a_plugin_that_cannot_be_imported_is_left_out_of_the_help(
    pcea: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yodel_of_pcea.py").write_text("import sys\nsys.exit()\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("yodel", "yodel_of_pcea:Yodel", "pcea.commands")
    monkeypatch.setitem(vars(COMMANDS), "_plugins", {"yodel": point})
    monkeypatch.setattr(COMMANDS, "_left_out", set())
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        out = pcea("--help")
    assert "train" in out and "yodel" not in out
    (line,) = pcea.notes
    assert line.startswith("command 'yodel': its plug-in yodel_of_pcea:Yodel")
    assert line.endswith("cannot be imported: it calls sys.exit(); it is left out")
    assert "cannot be imported" in pcea("yodel", status=2)


def test_version(pcea: Run) -> None:
    assert pcea("--version") == f"pcea {package.__version__}\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("trian", "'train'"),
        ("--verison", "'--version'"),
        ("data lst", "'list'"),
        ("evaluate --splt val", "'--split'"),
        ("evaluate --splt=val", "'--split'"),
        ("evaluate run --no-categry", "'--no-category'"),
        ("classify --wieghts run chair.obj", "'--weights'"),
        ("segment chair.obj --outt parts", "'--out'"),
        ("classify -t 3", "-t"),
        ("data list --rot x", "'--data-root'"),
    ],
)
def test_unknown_words_come_with_the_nearest_known(pcea: Run, words: str, hint: str) -> None:
    assert hint in pcea(*words.split(), status=2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("evaluate", "WEIGHTS"),
        ("evaluate run more", "more"),
        ("evaluate run --votes", "--votes"),
        ("evaluate run --votes many", "--votes is 'many'; it must be a whole number"),
        ("evaluate run --num-points few", "--num-points is 'few'; it must be a whole number"),
        ("evaluate run --votes 0", "--votes is 0"),
        ("segment chair.obj", "--out"),
        ("classify", "no files given"),
        ("data import toys", "ARCHIVE"),
    ],
)
def test_wrong_words(pcea: Run, words: str, reason: str) -> None:
    assert reason in pcea(*words.split(), status=2)


def test_a_process_says_the_same() -> None:
    words = [*COMMAND, "evaluate", "--splt", "val"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("pcea: ") and "'--split'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_does_not_wait_for_torch() -> None:
    code = (
        "import sys; from pcea.cli import main; main(['train', '--help']); "
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0


def test_a_name_that_the_output_cannot_hold_is_spelled() -> None:
    done = printing(env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"toys in \\u6570\n"


def test_nobody_reads() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = printing(stdout=writer)
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_stdout_is_full(unbuffered: str) -> None:
    with open("/dev/full", "w") as full:
        done = printing(stdout=full, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    assert done.returncode == 2
    assert done.stderr.startswith(b"pcea: ")
    assert done.stderr.count(b"\n") == 1


def raising(error: BaseException) -> Callable[[ListData], None]:
    def run(self: ListData) -> None:
        raise error

    return run


def chained() -> RuntimeError:
    error = RuntimeError("unexpected pos 64 vs 0")
    error.__context__ = RuntimeError("PytorchStreamWriter failed writing file data/0: no room")
    return error


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.npz"), 2, "a.npz: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), 2, "runs: Permission denied"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), 2, "is the disk full?"),
        (chained(), 2, "is the disk full?"),
        (package.InputError("two\nlines"), 2, "pcea: two lines\n"),
        (KeyboardInterrupt(), 130, "pcea: interrupted\n"),
        (KeyboardInterrupt("saved at step 3"), 130, "pcea: interrupted: saved at step 3\n"),
    ],
)
def test_ends_in_one_line(
    pcea: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, line: str
) -> None:
    monkeypatch.setattr(ListData, "run", raising(error))
    assert line in pcea("data", "list", status=status)


@pytest.mark.parametrize("error", [RuntimeError("ours"), OSError(errno.EIO, "disk broke")])
def test_a_fault_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(ListData, "run", raising(error))
    with pytest.raises(type(error), match=r"ours|disk broke"):
        main(["data", "list"])


def test_ctrl_c_saves_and_leaves(tmp_path: Path, toys: Path) -> None:
    run = tmp_path / "run"
    words = "train shapes-cls --dataset toys --epochs 100000 --num-points 32 --batch-size 4".split()
    words += "--compile no --model-options depth=1 k=4 num=16,8 dims=8,8,8".split()
    words += ["--data-root", str(toys)]
    with subprocess.Popen(
        [*COMMAND, *words, "--out", str(run)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as training:
        assert training.stderr is not None
        for _ in range(600):
            if (run / "metrics.jsonl").exists() or training.poll() is not None:
                break
            time.sleep(0.1)
        training.send_signal(signal.SIGINT)
        said = training.stderr.read().decode()
    assert training.returncode == 130, said
    assert said.startswith("pcea: interrupted: saved at step ")
    assert said.count("\n") == 1
    assert f"--resume {run}" in said
