"""The rows of a text table as numbers: at once where they are plain, else field by field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array
from pcea.formats.rows import is_number
from pcea.formats.tables.separators import (
    MIXED,
    SPACE,
    is_comment,
    looks_like_number,
    split,
)
from pcea.formats.tables.words import (
    as_number,
    decimal_marks,
    is_ambiguous,
    is_missing,
    with_nan,
    without_fortran,
)

_SAMPLED = 200
_COMMENT = re.compile(r"(^|\s)#.*")


@dataclass(frozen=True)
class Values:
    """The rows of a table.

    Args:
        numbers: (N, W) float64, NaN where a number is missing or a word stands.
        words: the columns that hold words.
        odd: the columns in which some field is no number: the first one's line and text.
        announced: how many points are announced between the rows, beside the header's number.
        notes: what a person should know, a sentence each.
    """

    numbers: Array
    words: frozenset[int] = frozenset()
    odd: dict[int, tuple[int, str]] = field(default_factory=dict)
    announced: int = 0
    notes: tuple[str, ...] = ()

    def check(self, column: int, path: Path) -> None:
        """Refuse a column that is needed and does not hold numbers.

        Raises:
            InputError: the column has a field that is no number.
        """
        if column in self.odd:
            line, text = self.odd[column]
            raise InputError(f"{path}, line {line}: {text[:40]!r} is not a number")
        if column in self.words:
            raise InputError(f"{path}: its column {column + 1} holds words, not numbers")

    def begins_with_row_names(self) -> bool:
        """Tell whether the first column only names or counts the rows."""
        count, first = np.arange(len(self.numbers)), self.numbers[:, 0]
        return 0 in self.words or bool((first == count).all() or (first == count + 1).all())


def read_values(
    lines: Sequence[str], start: int, separator: str, path: Path, several: bool = False
) -> Values:
    """Read the rows.

    Args:
        lines: the lines of the file.
        start: the index of the first row.
        separator: what separates the fields.
        path: the file, for the message.
        several: leave out single whole numbers between the rows: a scanner's file may hold
            several clouds, each after its number of points. Default: False.

    Raises:
        InputError: rows differ in length, or their numbers can be read in two ways.
    """
    plain = _at_once(lines[start:], separator)
    if plain is not None:
        return plain
    rows, line_of = _split_rows(lines, start, separator)
    announced = 0
    if several:
        single = [len(row) == 1 and row[0].isdecimal() for row in rows]
        announced = sum(int(row[0]) for row, left in zip(rows, single, strict=True) if left)
        line_of = [line for line, left in zip(line_of, single, strict=True) if not left]
        rows = [row for row, left in zip(rows, single, strict=True) if not left]
    rows = _of_one_width(rows, line_of, path)
    decimal, notes = _decimal_mark(rows, separator, path)
    columns = list(zip(*rows, strict=True))
    table = np.full((len(rows), len(columns)), np.nan)
    words, odd = set(), {}
    for i, column in enumerate(columns):
        first = [text for text in column[:_SAMPLED] if text]
        if first and not any(map(looks_like_number, first)):
            words.add(i)
            odd[i] = (line_of[0], first[0])
            continue
        table[:, i], wrong = _column(column, decimal)
        if 2 * len(wrong) > len(column):
            words.add(i)
        if wrong:
            odd[i] = (line_of[wrong[0]], column[wrong[0]])
    return Values(table, frozenset(words), odd, announced, notes)


def _at_once(lines: Sequence[str], separator: str) -> Values | None:
    """Read plain numbers, and words beside them, at numpy's speed; None if they are not plain."""
    sample = [line for line in islice(lines, _SAMPLED) if line.strip() and "#" not in line]
    rows = list(split(sample, separator))
    width = len(rows[0]) if rows else 0
    if not rows or any(len(row) != width for row in rows):
        return None
    text, fields = None, [each for row in rows for each in row]
    words = {i for i in range(width) if not any(looks_like_number(row[i]) for row in rows)}
    if words and (separator in (SPACE, MIXED) or not _is_regular(lines, separator, width)):
        return None
    if any("," in each for each in fields):
        if separator == "," or words or decimal_marks(fields) != {","}:
            return None
        text = "\n".join(lines)
        if "." in text:
            return None
        text = text.replace(",", ".")
        rows = [[each.replace(",", ".") for each in row] for row in rows]
    if separator == MIXED:
        text = "\n".join(lines).translate(str.maketrans(",;|", "   "))
    columns = [i for i in range(width) if i not in words]
    fields = [row[i] for row in rows for i in columns if not is_missing(row[i])]
    if not all(map(is_number, fields)):
        fields = [without_fortran(each) for each in fields]
        if not all(map(is_number, fields)):
            return None
        text = without_fortran("\n".join(lines) if text is None else text)
    used = columns if words else None
    numbers = _load(lines if text is None else text.split("\n"), separator, used)
    if numbers is None and separator not in (SPACE, MIXED):
        text = with_nan("\n".join(lines) if text is None else text, separator)
        numbers = _load(text.split("\n"), separator, used)
    if numbers is None:
        return None
    if not words:
        return Values(numbers)
    table = np.full((len(numbers), width), np.nan)
    table[:, columns] = numbers
    return Values(table, frozenset(words))


def _load(lines: Sequence[str], separator: str, columns: Sequence[int] | None) -> Array | None:
    quoted = any('"' in line for line in islice(lines, _SAMPLED))
    try:
        return np.loadtxt(
            lines,
            delimiter=None if separator in (SPACE, MIXED) else separator,
            quotechar='"' if quoted else None,
            usecols=columns,
            ndmin=2,
        )
    except ValueError:
        return None


def _is_regular(lines: Sequence[str], separator: str, width: int) -> bool:
    """Tell whether all lines have so many fields, and no quotes that could hide separators."""
    return not any(
        line.count(separator) != width - 1 or '"' in line or "#" in line for line in lines if line
    )


def _split_rows(
    lines: Sequence[str], start: int, separator: str
) -> tuple[list[list[str]], list[int]]:
    texts, line_of = [], []
    blank = " " if separator == "\t" else None  # an empty field may come first between tabs
    for number, line in enumerate(islice(lines, start, None), start + 1):
        if "#" in line:
            line = _COMMENT.sub("", line)
        line = line.strip(blank)
        if line.strip() and not is_comment(line, separator):
            texts.append(line)
            line_of.append(number)
    return list(split(texts, separator)), line_of


def _of_one_width(rows: list[list[str]], line_of: Sequence[int], path: Path) -> list[list[str]]:
    """Cut what words at the end of rows have too much: labels with spaces or commas in them."""
    lengths = Counter(map(len, rows))
    if len(lengths) == 1:
        return rows
    width = min(lengths)
    cut = [[*row[: width - 1], " ".join(row[width - 1 :]).strip()] for row in rows]
    surplus = (text for row in rows if len(row) > width for text in row[width:])
    if not any(text and looks_like_number(text) for text in surplus):
        return cut
    usual = lengths.most_common(1)[0][0]
    row, line = next(
        (row, line) for row, line in zip(rows, line_of, strict=True) if len(row) != usual
    )
    raise InputError(f"{path}, line {line}: it has {len(row)} numbers where {usual} are needed")


def _decimal_mark(
    rows: Sequence[Sequence[str]], separator: str, path: Path
) -> tuple[str, tuple[str, ...]]:
    fields = [text for row in rows for text in row]
    if not any("," in text for text in fields):
        return ".", ()
    marks = decimal_marks(fields)
    if len(marks) == 2:
        raise InputError(f"{path}: some of its numbers have a decimal comma, some a decimal point")
    if marks:
        return marks.pop(), ()
    text = next(filter(is_ambiguous, fields), None)
    if text is None:
        return ".", ()
    if separator == ",":
        raise InputError(
            f"{path}: {text!r} may be {text.replace(',', '.')} or {text.replace(',', '')}:"
            " write it without a comma"
        )
    return ",", (f"the comma was taken for a decimal mark: {text} is {text.replace(',', '.')}",)


def _column(column: Sequence[str], decimal: str) -> tuple[Array, list[int]]:
    """Read a column; also which of its fields are no numbers."""
    try:
        numbers = np.fromiter(map(float, column), np.float64, len(column))
    except ValueError:
        pass
    else:
        if decimal == "." and not any("_" in text for text in column):
            return numbers, []
    found = [as_number(text, decimal) for text in column]
    wrong = [i for i, number in enumerate(found) if number is None]
    return np.array([np.nan if number is None else number for number in found]), wrong
