"""Find the command that a command line names, run it, and return its exit status."""

import errno
import io
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import tyro

from pcea import installation
from pcea.cli.command import COMMANDS, GROUPS
from pcea.cli.output import DONE, INTERRUPTED, NO_READER, WRONG_INPUT, complain, note, say
from pcea.cli.parsing import parse
from pcea.errors import InputError, WrongOption, nearest
from pcea.registry import import_modules
from pcea.version import __version__

# Errors of the operating system that are no bug of pcea.
_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
# The same errors in the words of libraries that do not raise an OSError.
_NO_ROOM = ("No space left on device", "PytorchStreamWriter failed writing file")

ABOUT = "Train, evaluate and use point transformers with external attention."

# Every file of this folder is imported, and may register commands.
import_modules("pcea.cli", [str(Path(__file__).parent)])
import_module("pcea.benchmarks.commands")
import_module("pcea.comparison.command")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``pcea`` on these words, or on those of the process.

    Returns:
        The exit status: 0 done; 2 the call or its input is wrong, as one line on stderr says, or
        one line per file; 3 some files could not be used, as one line for each says, and the
        others are done; 130 interrupted; 141 the reader of stdout went away. A bug is raised.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # Characters that the encoding of the terminal lacks are spelled out.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if mixed := installation.mixed_files():
            raise InputError(mixed)
        with warnings.catch_warnings():
            warnings.showwarning = lambda text, *_: note(" ".join(str(text).split()))
            status = _command(words).run()
        sys.stdout.flush()
        return DONE if status is None else status
    except WrongOption as error:
        status, why = WRONG_INPUT, f"--{error}"
    except InputError as error:
        status, why = WRONG_INPUT, str(error)
    except KeyboardInterrupt as error:
        status, why = INTERRUPTED, f"interrupted: {error}" if str(error) else "interrupted"
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else DONE
    except BrokenPipeError:
        _give_up_stdout()
        return NO_READER
    except Exception as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        status, why = WRONG_INPUT, refusal
        try:
            sys.stdout.flush()
        except OSError:
            _give_up_stdout()
    complain(" ".join(why.split()))
    return status


def _give_up_stdout() -> None:
    """Let the flush of stdout at the end of the process not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(words: Sequence[str]) -> Any:
    """Parse the words into a command; a SystemExit after ``--help`` and ``--version``."""
    if words and words[0] == "--version":
        say(f"pcea {__version__}")
        raise SystemExit(DONE)
    names = COMMANDS.names()
    commands = {n.replace("-", " ", 1) if n.startswith(GROUPS) else n: n for n in names}
    for count in (2, 1):
        spoken = " ".join(words[:count])
        if spoken in commands:
            command = COMMANDS.get(commands[spoken])
            rest, prog = words[count:], f"pcea {spoken}"
            return command.parse(rest) if hasattr(command, "parse") else parse(command, rest, prog)
    prog, group = "pcea", f"{words[0]} " if words else " "
    if inner := [each for each in commands if each.startswith(group)]:
        prog, words = f"pcea {words[0]}", words[1:]
        commands = {each.removeprefix(group): commands[each] for each in inner}
    if not words or words[0] in ("-h", "--help"):
        known: dict[str, Any] = COMMANDS.entries()
        listed = {each: known[name] for each, name in commands.items() if name in known}
        tyro.extras.subcommand_cli_from_dict(listed, prog=prog, description=ABOUT, args=["--help"])
    flag = words[0].startswith("-")
    near = ["--help", "--version"] if flag else {each.split()[0] for each in commands}
    raise InputError(f"{prog} does not know {words[0]!r}{nearest(words[0], near)}")


def _refusal(error: BaseException) -> str | None:
    """Describe an error of the operating system in one line; None for any other error."""
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    cause: BaseException | None = error
    while cause is not None:
        if any(words in str(cause) for words in _NO_ROOM):
            return f"a file cannot be written, is the disk full? ({cause})"
        cause = cause.__context__
    return None
