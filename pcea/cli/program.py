"""Which command a command line means, and how it ends."""

from __future__ import annotations

import errno
import io
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import tyro

from pcea import installation
from pcea.cli.command import COMMANDS, Command
from pcea.cli.output import DONE, INTERRUPTED, NO_READER, WRONG_INPUT, complain, say
from pcea.cli.parsing import parse
from pcea.errors import InputError, WrongOption, nearest
from pcea.version import __version__

# What the machine refuses is no fault of ours.
_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
# The same, from libraries that keep the number to themselves.
_NO_ROOM = ("No space left on device", "PytorchStreamWriter failed writing file")


ABOUT = "Train, evaluate and use point transformers with external attention."


# Every file of this folder may register commands, so a new one joins by lying beside the others.
for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):
    import_module(f"pcea.cli.{_module.name}")


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
        status = _command(words).run()
        sys.stdout.flush()
    except WrongOption as error:
        return _complain(f"--{error}", WRONG_INPUT)
    except InputError as error:
        return _complain(str(error), WRONG_INPUT)
    except KeyboardInterrupt as error:
        return _complain(f"interrupted: {error}" if str(error) else "interrupted", INTERRUPTED)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else DONE
    except BrokenPipeError:
        _give_up_stdout()
        return NO_READER
    except Exception as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        try:
            sys.stdout.flush()
        except OSError:
            _give_up_stdout()
        return _complain(refusal, WRONG_INPUT)
    return DONE if status is None else status


def _give_up_stdout() -> None:
    """Python flushes stdout once more as it leaves, which must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tree() -> dict[str, Any]:
    """The names of all commands by their words: those of ``data-list`` are ``data``, ``list``."""
    tree: dict[str, Any] = {}
    for name in COMMANDS.names():
        group, _, last = name.partition("-")
        if last:
            tree.setdefault(group, {})[last] = name
        else:
            tree[name] = name
    return tree


def _command(
    words: list[str], prog: str = "pcea", tree: Mapping[str, Any] | None = None
) -> Command:
    """The command that is meant, its options parsed."""
    tree = _tree() if tree is None else tree
    word = words[0] if words else "--help"
    if word == "--version":
        say(f"pcea {__version__}")
        raise SystemExit(DONE)
    if word in ("-h", "--help"):
        _help(prog, tree)
    if word not in tree:
        known = ["--help", "--version"] if word.startswith("-") else list(tree)
        raise InputError(f"{prog} does not know {word!r}{nearest(word, known)}")
    found, prog, words = tree[word], f"{prog} {word}", words[1:]
    if isinstance(found, Mapping):
        return _command(words, prog, found)
    command: Any = COMMANDS.get(found)
    return command.parse(words) if hasattr(command, "parse") else parse(command, words, prog)


def _help(prog: str, tree: Mapping[str, Any]) -> NoReturn:
    """Print which commands there are, and leave."""
    flat: dict[str, Callable[..., Command]] = {}
    for word, found in tree.items():
        inner = found.items() if isinstance(found, Mapping) else [("", found)]
        flat |= {f"{word} {last}".strip(): COMMANDS.get(name) for last, name in inner}
    tyro.extras.subcommand_cli_from_dict(flat, prog=prog, description=ABOUT, args=["--help"])
    raise AssertionError("tyro leaves after --help")


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


def _complain(message: str, status: int) -> int:
    complain(" ".join(message.split()))
    return status
