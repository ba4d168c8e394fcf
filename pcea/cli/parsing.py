"""Parse a command line into a dataclass, or say in one line what is wrong with it."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import fields
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

import tyro

from pcea.errors import InputError, nearest
from pcea.registry import read_value

T = TypeVar("T")

# The endings of pictures that pcea.pictures.save writes.
PICTURES = (".png", ".svg", ".pdf")

# What an option takes, by words that are in tyro's message where a value is something else.
_INT, _FLOAT = "a whole number", "a number"
_KINDS = {"int()": _INT, "{INT}": _INT, "to float": _FLOAT, "{FLOAT}": _FLOAT}
_KINDS["{FLOAT FLOAT}"] = "two numbers"
_REGISTRY = tyro.constructors.ConstructorRegistry()


def parse(
    command: type[T],
    words: Sequence[str],
    prog: str,
    default: T | None = None,
    description: str | None = None,
) -> T:
    """Parse the words after a command, ``prog``, into its dataclass, whose fields are the options.

    Options that are not given have the values of ``default``, or else of the dataclass. Wrong words
    are an InputError, and ``--help`` ends in a SystemExit.
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
                registry=_REGISTRY,
            )
    except SystemExit as left:
        if not left.code:
            raise
        reason = _first_block(said.getvalue()).removeprefix("Error parsing ")
        if isinstance(left.__context__, InputError):  # raised by the dataclass, about a field
            name, verb, rest = str(left.__context__).partition(" is ")
            known = name in (field.name for field in fields(command))  # type: ignore[arg-type]
            reason = f"--{name.replace('_', '-')}{verb}{rest}" if known else name + verb + rest
        found = re.match(r"(--\S+): .*?(int\(\)|to float|\{[A-Z ]+\}).*?('.*?')(\]|$)", reason)
        if found and found[2] in _KINDS:
            reason = f"{found[1]} is {found[3]}; it must be {_KINDS[found[2]]}"
        raise InputError(f"{reason} (see {prog} --help)") from None


@_REGISTRY.primitive_rule
def _several_words(
    info: tyro.constructors.PrimitiveTypeInfo,
) -> tyro.constructors.PrimitiveConstructorSpec[Any] | None:
    """Read options of several words; the help says "none" where the default is empty."""
    kinds: dict[Any, tuple[str, Callable[[list[str]], Any], type[Any]]] = {
        tuple[str, ...]: ("NAME …", tuple, tuple),
        tuple[int, ...]: ("INT …", _whole_numbers, tuple),
        Mapping[str, Any]: ("KEY=VALUE …", _mapping, Mapping),
    }
    if info.type not in kinds:
        return None
    metavar, read, kind = kinds[info.type]
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar=metavar,
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, kind),
        str_from_instance=lambda value: _spelled(value) or ["none"],
    )


def _spelled(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{k}={v}" for k, v in value.items()]
    return list(map(str, value))


def _refuse_unknown(command: type[Any], words: Sequence[str], prog: str) -> None:
    names = {field.name.replace("_", "-"): field for field in fields(command)}
    known = {"--help", *(f"--{name}" for name in names)}
    known |= {f"--no-{name}" for name, field in names.items() if field.type in (bool, "bool")}
    for word in takewhile(lambda word: word != "--", words):
        flag = word.partition("=")[0].replace("_", "-")
        if flag.startswith("--") and flag not in known:
            raise InputError(f"{prog} has no option {flag}{nearest(flag, known)}")


def _first_block(box: str) -> str:
    """Read what stands in a box that tyro draws, between its title and its first line."""
    below = re.sub(r"\x1b\[[0-9;]*m", "", box).partition("\n")[2]
    blocks = re.split(r".*(?:─{3}|-{3}).*", below)
    block = next((each for each in blocks if re.search(r"\w", each)), below)
    return " ".join(" ".join(line.strip(" │|") for line in block.splitlines()).split())


def given_options(command: object, default: object) -> list[str]:
    """Name the options, such as ``--data-root``, that differ from those of a default command."""
    values = vars(default).items()
    changed = (name for name, value in values if getattr(command, name) != value)
    return [_option(name) for name in changed]


def check_file(**options: Path | None) -> None:
    """Refuse folders in place of output files, before the work begins."""
    for name, path in options.items():
        if path is not None and path.is_dir():
            raise InputError(f"{_option(name)} {path}: it is a folder; name a file")


def check_picture(**options: Path | None) -> None:
    """Refuse folders and unknown endings in place of pictures, before the work begins."""
    check_file(**options)
    for name, path in options.items():
        if path is not None and path.suffix.lower() not in PICTURES:
            raise InputError(f"{_option(name)} {path}: name a file that ends in .png, .svg or .pdf")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _whole_numbers(words: list[str]) -> tuple[int, ...]:
    for word in words:
        if not re.fullmatch(r"[+-]?\d+", word):
            raise ValueError(f"{word!r} is not a whole number")
    return tuple(map(int, words))


def _mapping(words: list[str]) -> dict[str, Any]:
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key.isidentifier() or not equals:
            raise ValueError(f"{word!r} is not of the form KEY=VALUE")
        values[key] = read_value(value)
    return values
