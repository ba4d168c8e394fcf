"""Which command a command line means, and how it ends."""

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

# What the machine refuses is no fault of ours.
_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
# The same, from libraries that keep the number to themselves.
_NO_ROOM = ("No space left on device", "PytorchStreamWriter failed writing file")

ABOUT = "Train, evaluate and use point transformers with external attention."

# Every file of this folder may register commands, so a new one joins by lying beside the others.
import_modules("pcea.cli", [str(Path(__file__).parent)])
# The benchmarks, which may use whatever they measure, bring theirs.
import_module("pcea.benchmarks.commands")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``pcea`` on these words, or on those of the process.

    Returns:
        The exit status: 0 done; 2 the call or its input is wrong, one line on stderr says why, or
        one for each of several files; 3 some files were left out, a line on stderr for each, and
        the others are done; 130 interrupted; 141 nobody reads stdout any more. A fault of ours is
        raised.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # Letters that the terminal's encoding lacks, and bytes that are no letters, are spelled.
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
    """Python flushes stdout once more as it leaves, which must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(words: Sequence[str]) -> Any:
    """The command that is meant, its options parsed; after help and version, a SystemExit."""
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
    """The one line of an error in which the machine refused something; None of another error."""
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    cause: BaseException | None = error
    while cause is not None:
        if any(words in str(cause) for words in _NO_ROOM):
            return f"a file cannot be written, is the disk full? ({cause})"
        cause = cause.__context__
    return None
