"""What stands before the rows of a text table: names of columns, a number of points, a title."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pcea.errors import InputError
from pcea.formats.tables.by_name import find_names
from pcea.formats.tables.separators import (
    MIXED,
    SPACE,
    is_comment,
    is_row,
    looks_like_number,
    split,
)
from pcea.formats.tables.values import Values

_UNIT = re.compile(r"(?<=\w)\s*[(\[][^)\]]*[)\]]")
_GRID = re.compile(r"\s*ncols\s+\d", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """What stands before the first row.

    Args:
        start: the index of the first row's line.
        count: the number of points that is announced; none without.
        titles: the number, from 1, and the fields of the lines that are neither comments nor
            a number of points.
        comments: the fields of the comments.
    """

    start: int
    count: int | None
    titles: list[tuple[int, list[str]]]
    comments: list[list[str]]


def read_header(lines: Sequence[str], separator: str, path: Path) -> Header:
    """Find the first row, and keep what stands before it.

    Args:
        lines: the lines of the file.
        separator: what separates the fields of its rows.
        path: the file, for the message.

    Raises:
        InputError: there are no rows.
    """
    if _GRID.match(lines[0]):
        raise InputError(f"{path}: it is a grid of heights (ESRI ASCII), which cannot be read")
    count: int | None = None
    titles: list[tuple[int, list[str]]] = []
    comments: list[list[str]] = []
    for number, line in enumerate(lines):
        text = line.strip()
        if not text:
            continue
        if is_comment(text, separator):
            comments.append(_fields(text.lstrip("#/%!; \t"), separator))
            continue
        fields = _fields(line, separator)
        if is_row(fields) and not _counts_columns(fields, lines[number + 1 :], separator):
            _check_titles(titles, fields, path)
            return Header(number, count, titles, comments)
        if len(fields) == 1 and fields[0].isdecimal() and count is None:
            count = int(fields[0])
        elif re.search(r"\w", text) and not text.startswith("sep="):  # a rule; Excel's hint
            titles.append((number + 1, fields))
    raise InputError(f"{path}{_why_nothing(titles)}")


def names_for(header: Header, values: Values, path: Path) -> list[str] | None:
    """Find the line that names the columns.

    Args:
        header: what stands before the rows.
        values: the rows.
        path: the file, for the message.

    Returns:
        (W,) a name for each column, empty for one without; None if no line names them.

    Raises:
        InputError: it cannot be told which name belongs to which column.
    """
    width = values.numbers.shape[1]
    for _, fields in reversed(header.titles):
        names = _aligned(fields, values, path)
        if names is not None:
            return names
    for fields in reversed(header.comments):
        if find_names(fields) is not None and abs(len(fields) - width) <= 1:
            return _aligned(fields, values, path)
    return None


def _fields(line: str, separator: str) -> list[str]:
    if separator == SPACE:
        line = _UNIT.sub("", line)
    fields = next(split([line], separator), [])
    if len(fields) < 2:
        fields = next(split([line], MIXED), [])
    return [field.strip("\"'").lstrip("/#%").strip() for field in fields]


def _counts_columns(fields: Sequence[str], after: Sequence[str], separator: str) -> bool:
    """Tell whether the first row is a header of pandas, which numbers columns without a name."""
    index = fields[0] == ""
    if list(fields[index:]) != [str(i) for i in range(len(fields) - index)]:
        return False
    rows = [row for row in split(islice(after, 50), separator) if len(row) == len(fields)]
    return bool(rows) and (index or all("." in field for row in rows for field in row))


def _check_titles(
    titles: Sequence[tuple[int, Sequence[str]]], first: Sequence[str], path: Path
) -> None:
    """Refuse a row with a fault, which would pass for a title."""
    for line, fields in titles:
        wrong = [field for field in fields if not looks_like_number(field)]
        if len(fields) == len(first) and 0 < len(wrong) < len(fields) - 1 and "" not in fields:
            raise InputError(f"{path}, line {line}: {wrong[0][:40]!r} is not a number")


def _why_nothing(titles: Sequence[tuple[int, Sequence[str]]]) -> str:
    for line, fields in titles:
        if all(map(looks_like_number, fields)):
            return (
                f", line {line}: it has {len(fields)} numbers where at least 3 (x y z) are needed"
            )
    if len(titles) > 1:
        return ": it holds no points: none of its lines is a row of at least 3 numbers"
    return ": it holds no points"


def _aligned(fields: Sequence[str], values: Values, path: Path) -> list[str] | None:
    """Give each column its name, where there are more or fewer names than columns."""
    names, width = list(fields), values.numbers.shape[1]
    while len(names) > width and not names[-1]:  # a separator at the end of the line
        names.pop()
    found = find_names(names)
    if len(names) == width:
        return names
    if len(names) == width - 1 and values.begins_with_row_names():
        return ["", *names]  # R leaves out the name of the rows' own names
    if found is None:
        return None
    if len(names) < width:
        in_order = found.used == (0, 1, 2) == tuple(range(len(names)))
        return None if in_order else names + [""] * (width - len(names))
    others = [i for i in range(len(names)) if i not in found.used]
    surplus = len(names) - width + 1
    if max(found.used) < min(others):  # names of several words come last
        return [*names[: width - 1], " ".join(names[width - 1 :])]
    if min(found.used) > max(others):
        return [" ".join(names[:surplus]), *names[surplus:]]
    raise InputError(f"{path}: its header has {len(names)} names, its rows {width} columns")
