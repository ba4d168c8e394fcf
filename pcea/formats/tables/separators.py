"""What stands between the fields of a text table, and the fields it leaves."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from pcea.formats.tables.words import is_missing

# Each is tried; where two do as well, the first is taken: an empty field counts between tabs, and
# commas are decimal where something else separates. MIXED is commas and spaces, both at once.
SPACE, MIXED = " ", ", "
SEPARATORS = ("\t", ";", "|", ",", SPACE, MIXED)

_SAMPLED = 200
_MIXED = str.maketrans(",;|\t", "    ")
_LIKE_NUMBER = re.compile(
    r"[+-]?(\d+([.,]\d+)*[.,]?|[.,]\d+)([eEdD][+-]?\d+)?|[+-]?inf(inity)?", re.I
)
_LOOSE = re.compile(r"[-+.\d]+(\s*[;|]\s*|\s+)[-+.\d;|\s]+")
_OPEN, _CLOSED = "[({", "])}"


def is_comment(line: str, separator: str) -> bool:
    """Tell whether a line is for people; a semicolon begins one where it does not separate."""
    return line.startswith(("#", "//", "%", "!")) or (separator != ";" and line.startswith(";"))


def find_separator(lines: Sequence[str]) -> str:
    """Find what separates the fields of most of the first rows.

    Args:
        lines: the lines of the file, comments and a header among them.

    Returns:
        One of :data:`SEPARATORS`; white space where no line is a row.
    """
    sample = list(islice((line for line in lines if not _says_nothing(line)), _SAMPLED))
    scores = [
        sum(_is_row_of(fields) for fields in split(sample, separator)) for separator in SEPARATORS
    ]
    return SEPARATORS[scores.index(max(scores))] if max(scores) else SPACE


def split(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    """Split lines into fields, quotes taken off.

    Args:
        lines: rows of text.
        separator: one of :data:`SEPARATORS`.

    Yields:
        The fields of each line; none for a blank one.
    """
    if separator == MIXED:
        lines = (line.translate(_MIXED) for line in lines)
    elif separator == SPACE:
        lines = (line.replace("\t", " ") for line in lines)
    if separator in (SPACE, MIXED):
        separator, lines = " ", (line.strip() for line in lines)
    # A stray quote in words must not swallow the lines after it.
    lines = (line if line.count('"') % 2 == 0 else line.replace('"', "") for line in lines)
    for fields in csv.reader(lines, delimiter=separator, skipinitialspace=True):
        yield [field.strip().strip("'") for field in fields]


def looks_like_number(field: str) -> bool:
    """Tell whether a field is written as numbers are, in whatever country, or as a missing one."""
    return bool(_LIKE_NUMBER.fullmatch(field)) or is_missing(field)


def is_row(fields: Sequence[str]) -> bool:
    """Tell whether fields are a row of a table: at least three are numbers, or said to be none."""
    numbers = [field for field in fields if looks_like_number(field)]
    return len(numbers) >= 3 and any(len(field) > 1 or field.isdigit() for field in numbers)


def without_brackets(text: str) -> str:
    """Take off the brackets that Python and others print around rows.

    Args:
        text: the whole file.

    Returns:
        The text as it is, unless each of its first lines that says something begins or ends with
        a bracket: then without brackets, and a row a line.
    """
    first = [line.strip(" \t,;") for line in islice(text.split("\n"), _SAMPLED)]
    first = [line for line in first if line and not _says_nothing(line)]
    if not first or not all(line[0] in _OPEN or line[-1] in _CLOSED for line in first):
        return text
    rows = re.sub(r"[\])}]\s*[,;]?\s*[\[({]", "\n", text)
    return "\n".join(line.strip(" \t,;[](){}") for line in rows.split("\n"))


def _says_nothing(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith(("#", "//", "%", "!"))


def _is_row_of(fields: Sequence[str]) -> bool:
    # "0,0,0 255,0,0" has both separators; commas alone would make 0 255 a word.
    return is_row(fields) and not any(_LOOSE.fullmatch(field) for field in fields)
