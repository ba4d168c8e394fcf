"""Words of a command line become a dataclass, or one line that says what is wrong with them."""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import fields
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from pcea.errors import InputError, nearest
from pcea.registry import read_value

T = TypeVar("T")


def parse(
    command: type[T],
    words: Sequence[str],
    prog: str,
    default: T | None = None,
    description: str | None = None,
) -> T:
    """Parse the words behind a command, ``prog``, into its dataclass, whose fields are the options.

    Options that are not given come from ``default``, or else from the dataclass. ``--help`` prints
    the help and leaves by SystemExit.
    """
    _refuse_unknown(command, words, prog)
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(
                command,
                prog=prog,
                args=words,
                default=tyro.MISSING_NONPROP if default is None else default,
                description=description,
                config=(tyro.conf.HelptextFromCommentsOff,),
            )
    except SystemExit as left:
        if not left.code:
            raise
        # A dataclass that refuses its values says so itself.
        reason = _first_block(said.getvalue()).removeprefix(f"Error parsing {command.__name__}: ")
        raise InputError(f"{reason} (see {prog} --help)") from None


def _refuse_unknown(command: type[Any], words: Sequence[str], prog: str) -> None:
    names = {field.name.replace("_", "-"): field for field in fields(command)}
    known = {"--help", *(f"--{name}" for name in names)}
    known |= {f"--no-{name}" for name, field in names.items() if field.type in (bool, "bool")}
    for word in takewhile(lambda word: word != "--", words):
        flag = word.partition("=")[0].replace("_", "-")
        if flag.startswith("--") and flag not in known:
            raise InputError(f"{prog} has no option {flag}{nearest(flag, known)}")


def _first_block(box: str) -> str:
    """The words of a box that tyro draws, from below its title to its first rule."""
    below = re.sub(r"\x1b\[[0-9;]*m", "", box).partition("\n")[2]
    blocks = re.split(r".*(?:─{3}|-{3}).*", below)
    block = next((each for each in blocks if re.search(r"\w", each)), below)
    return " ".join(" ".join(line.strip(" │|") for line in block.splitlines()).split())


def at_least_one(**options: int | None) -> None:
    """Refuse options that are less than 1 with an InputError."""
    for name, value in options.items():
        if value is not None and value < 1:
            raise InputError(f"--{name.replace('_', '-')} is {value}; it must be at least 1")


def check_json(path: Path | None) -> None:
    """Refuse a folder as a place for a JSON file before the work is done, not after."""
    if path is not None and path.is_dir():
        raise InputError(f"--json {path}: it is a folder; name a file")


def _mapping(words: list[str]) -> dict[str, Any]:
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key.isidentifier() or not equals:
            raise ValueError(f"{word!r} is not of the form KEY=VALUE")
        values[key] = read_value(value)
    return values


KeyValues = Annotated[
    Mapping[str, Any],
    tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar="KEY=VALUE …",
        instance_from_str=_mapping,
        is_instance=lambda value: isinstance(value, Mapping),
        str_from_instance=lambda values: [f"{key}={value}" for key, value in values.items()],
    ),
]
"""Options of an option: ``--attention-options slots=128 tied=true``."""
