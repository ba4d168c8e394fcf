"""Words of a command line become a dataclass, or one line that says what is wrong with them."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import fields
from itertools import dropwhile, takewhile
from typing import Annotated, Any, TypeVar

import tyro

from pcea.errors import InputError, nearest

T = TypeVar("T")

_WORDS = {"true": True, "false": False, "none": None}


def parse(
    command: type[T],
    words: Sequence[str],
    prog: str,
    default: T | None = None,
    description: str | None = None,
    stop_at_help: bool = True,
) -> T:
    """Parse the words behind a command, ``prog``, into its dataclass, whose fields are the options.

    Options that are not given come from ``default``, or else from the dataclass. ``--help`` prints
    the help and leaves by SystemExit, or is passed over without ``stop_at_help``.
    """
    words = _join_axes(words)
    _refuse_unknown(command, words, prog)
    if not stop_at_help:
        words = [word for word in words if word not in ("-h", "--help")]
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


def _join_axes(words: Sequence[str]) -> list[str]:
    """Make ``--up -z`` one word, or -z would be taken for an option."""
    joined = list[str]()
    for word in words:
        if joined and joined[-1] == "--up" and re.fullmatch("-[xyz]", word):
            joined[-1] = f"--up={word}"
        else:
            joined.append(word)
    return joined


def _refuse_unknown(command: type[Any], words: Sequence[str], prog: str) -> None:
    names = {field.name.replace("_", "-"): field for field in fields(command)}
    known = {f"--{name}" for name in names} | {"--help", "-h"}
    known |= {f"--no-{name}" for name, field in names.items() if field.type in (bool, "bool")}
    for word in takewhile(lambda word: word != "--", words):
        flag = word.partition("=")[0].replace("_", "-")
        if re.match(r"--?[A-Za-z]", flag) and not _is_number(flag) and flag not in known:
            raise InputError(f"{prog} has no option {flag}{nearest(flag, known)}")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _first_block(box: str) -> str:
    """The words of a box that tyro draws, from below its title to its first rule."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()
    rows = [line.strip(" │") for line in lines[1:]]
    # Where the terminal knows ASCII only, a rule stands below the title, too.
    block = takewhile(_is_text, dropwhile(lambda row: not _is_text(row), rows))
    return " ".join(" ".join(block).split())


def _is_text(row: str) -> bool:
    return bool(row.strip("─-╰╯"))


def _mapping(words: list[str]) -> dict[str, Any]:
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key.isidentifier() or not equals:
            raise ValueError(f"{word!r} is not of the form KEY=VALUE")
        values[key] = _value(value)
    return values


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


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
