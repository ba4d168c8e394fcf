"""Text tables of any separator, one row per point."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import compress, islice
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.columns import (
    Layout,
    are_placeholders,
    as_raw,
    counts_rows,
    find_names,
    layout_by_name,
    layout_by_value,
)
from pcea.formats.raw import Array, Raw, register_format
from pcea.formats.text import is_number, read_text

# If two separators fit equally well, the first is taken: fields between tabs may be empty, and
# commas are decimal if something else separates. _MIXED stands for commas and spaces together.
_SPACE, _MIXED = " ", ", "
_SEPARATORS = ("\t", ";", "|", ",", _SPACE, _MIXED)
_SAMPLED = 200
# How programs write a missing number, in small letters.
_WORDS = "nan +nan -nan null none na n/a #n/a <na> nil missing 1.#qnan -1.#ind nan(ind) -nan(ind)"
_MISSING = frozenset(["", "-", ".", "?", *_WORDS.split()])
_LIKE_NUMBER = re.compile(
    r"[+-]?(\d+([.,]\d+)*[.,]?|[.,]\d+)([eEdD][+-]?\d+)?|[+-]?inf(inity)?", re.I
)
_FORTRAN = re.compile(r"(?<=[\d.])[dD](?=[+-]?\d)")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
# "0,0,0 255,0,0" has both separators; split at commas alone, "0 255" would be a word.
_LOOSE = re.compile(r"[-+.\d]+(\s*[;|]\s*|\s+)[-+.\d;|\s]+")
_UNIT = re.compile(r"(?<=\w)\s*[(\[][^)\]]*[)\]]")


@dataclass
class _Table:
    """The rows of a file: (N, W) numbers, NaN where there is none."""

    numbers: Array
    words: set[int] = field(default_factory=set)  # columns of words
    # The first field of each column that is no number: its line and text.
    invalid: dict[int, tuple[int, str]] = field(default_factory=dict)
    announced: int = 0  # sum of the numbers of points that stand between the rows


@dataclass
class _Head:
    """The lines before the rows."""

    start: int = 0
    count: int | None = None
    titles: list[tuple[int, list[str]]] = field(default_factory=list)
    comments: list[list[str]] = field(default_factory=list)


@register_format("xyz", "xyzn", "xyzrgb", "txt", "pts", "csv", "tsv", "asc", "dat")
def read_rows(path: Path) -> Raw:
    """Read text with one row per point, in every form in docs/files.md, as float64 points."""
    lines = _without_brackets(read_text(path)).split("\n")
    separator = _find_separator(lines)
    head = _read_head(lines, separator)
    notes = _use_decimal_points(lines, head.start, separator)
    table = _at_once(lines[head.start :], separator)
    if table is None:
        table = _by_field(lines, head.start, separator, path.suffix.lower() == ".pts")
    names, remarks = _find_names(head, table), list[str]()
    layout = layout_by_name(names) if names else {}
    if not layout:
        layout, remarks = _by_value(table, names, path.suffix.lower())
    used = [i for triple in layout.values() for i in triple]
    for line, text in (table.invalid[i] for i in used if i in table.invalid):
        raise InputError(f"line {line}: {text[:40]!r} is not a number")
    raw = as_raw(list(table.numbers.T), layout, names)
    if (more := len(head.titles) - (names is not None)) > 0:
        notes.append(f"{more} of the lines before its first row were left out: they are no points")
    announced = table.announced + (head.count or 0)
    if head.count is not None and announced != len(table.numbers):
        notes.append(f"it announces {announced} points and holds {len(table.numbers)}")
    return replace(raw, notes=(*raw.notes, *remarks, *notes))


def _by_value(table: _Table, names: Sequence[str] | None, ending: str) -> tuple[Layout, list[str]]:
    known = np.isfinite(table.numbers).any(0)
    columns = [i for i in np.flatnonzero(known).tolist() if i not in table.words]
    if names is not None:
        if any(names):
            columns = [i for i in columns if names[i] and not names[i].startswith("Unnamed")]
        if len(columns) > 3 and not are_placeholders([names[i] for i in columns]):
            raise InputError(
                f"its header names no x, y and z (it has {', '.join(names)[:80]}): rename them"
            )
    # After x, y and z, only columns with a number in every row can be normals or colors.
    columns = [i for k, i in enumerate(columns) if k < 3 or i not in table.invalid]
    if len(columns) < 3:
        raise InputError(
            f"it has {len(columns)} columns of numbers where at least 3 (x y z) are needed"
        )
    found, remarks = layout_by_value(table.numbers[:, columns], ending)
    return {k: (columns[a], columns[b], columns[c]) for k, (a, b, c) in found.items()}, remarks


def _is_comment(line: str, separator: str = ";") -> bool:
    """Tell whether a line is a comment; a semicolon begins one unless it separates fields."""
    return line.startswith(("#", "//", "%", "!")) or (separator != ";" and line.startswith(";"))


def _without_brackets(text: str) -> str:
    """Remove the brackets that Python and other programs print around rows."""
    lines = [line.strip(" \t,;") for line in islice(text.split("\n"), _SAMPLED)]
    lines = [line for line in lines if line and not _is_comment(line)]
    if not lines or not all(line[0] in "[({" or line[-1] in "])}" for line in lines):
        return text
    rows = re.sub(r"[\])}]\s*[,;]?\s*[\[({]", "\n", text)
    return "\n".join(line.strip(" \t,;[](){}") for line in rows.split("\n"))


def _find_separator(lines: Sequence[str]) -> str:
    """Find what separates the fields in most of the first rows; white space by default."""
    content = (line for line in lines if line.strip() and not _is_comment(line.lstrip()))
    sample = list(islice(content, _SAMPLED))
    scores = [
        sum(_is_row(row) and not any(map(_LOOSE.fullmatch, row)) for row in _split(sample, each))
        for each in _SEPARATORS
    ]
    return _SEPARATORS[scores.index(max(scores))] if max(scores) else _SPACE


def _split(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    """Split lines into fields, without quotes; a blank line has none."""
    if separator == _MIXED:
        lines = (line.translate(str.maketrans(",;|\t", "    ")) for line in lines)
    if separator in (_SPACE, _MIXED):
        separator, lines = " ", (line.replace("\t", " ").strip() for line in lines)
    # A single quote in words must not join the lines after it.
    lines = (line if line.count('"') % 2 == 0 else line.replace('"', "") for line in lines)
    for row in csv.reader(lines, delimiter=separator, skipinitialspace=True):
        yield [text.strip().strip("'") for text in row]


def _looks_like_number(text: str) -> bool:
    """Tell whether a field is written like a number, in any country, or like a missing one."""
    return bool(_LIKE_NUMBER.fullmatch(text)) or text.lower() in _MISSING


def _is_row(fields: Sequence[str]) -> bool:
    numbers = [text for text in fields if _looks_like_number(text)]
    return len(numbers) >= 3 and any(len(text) > 1 or text.isdigit() for text in numbers)


def _read_head(lines: Sequence[str], separator: str) -> _Head:
    """Find the first row, and collect the lines before it."""
    if re.match(r"\s*ncols\s+\d", lines[0], re.IGNORECASE):
        raise InputError("it is a grid of heights (ESRI ASCII), which cannot be read")
    head = _Head()
    for number, line in enumerate(lines):
        text = line.strip()
        if _is_comment(text, separator):
            head.comments.append(_head_fields(text.lstrip("#/%!; \t"), separator))
            continue
        fields = _head_fields(line, separator)
        if _is_row(fields) and not _numbers_columns(fields, lines[number + 1 :], separator):
            for at, title in head.titles:  # a row with a fault must not be taken for a title
                wrong = [each for each in title if not _looks_like_number(each)]
                if len(title) == len(fields) and 0 < len(wrong) < len(title) - 1 and all(title):
                    raise InputError(f"line {at}: {wrong[0][:40]!r} is not a number")
            head.start = number
            return head
        if len(fields) == 1 and fields[0].isdecimal() and head.count is None:
            head.count = int(fields[0])
        # A line "sep=" of Excel, or one without letters or digits, is no title.
        elif re.search(r"\w", text) and not text.startswith("sep="):
            head.titles.append((number + 1, fields))
    for at, fields in head.titles:
        if all(map(_looks_like_number, fields)):
            what = f"it has {len(fields)} numbers where at least 3 (x y z) are needed"
            raise InputError(f"line {at}: {what}")
    why = ": none of its lines is a row of at least 3 numbers" if len(head.titles) > 1 else ""
    raise InputError(f"it holds no points{why}")


def _head_fields(line: str, separator: str) -> list[str]:
    if separator == _SPACE:
        line = _UNIT.sub("", line)
    fields = next(_split([line], separator), [])
    if len(fields) < 2:
        fields = next(_split([line], _MIXED), [])
    return [text.strip("\"'").lstrip("/#%").strip() for text in fields]


def _numbers_columns(fields: Sequence[str], after: Sequence[str], separator: str) -> bool:
    """Tell whether the first row is a header from pandas, which numbers unnamed columns."""
    index = fields[0] == ""
    if list(fields[index:]) != [str(i) for i in range(len(fields) - index)]:
        return False
    rows = [row for row in _split(islice(after, 50), separator) if len(row) == len(fields)]
    return bool(rows) and (index or all("." in text for row in rows for text in row))


def _find_names(head: _Head, table: _Table) -> list[str] | None:
    """Find a name for each column, (W,), "" for an unnamed one; None if no line names them."""
    numbers, width = table.numbers, table.numbers.shape[1]
    titles = [fields for _, fields in reversed(head.titles)]
    comments = [each for each in reversed(head.comments) if find_names(each)]
    for names in (*titles, *comments):
        while len(names) > width and not names[-1]:  # the line ends in a separator
            names = names[:-1]
        if len(names) == width:
            return names
        counted = counts_rows(numbers[:, 0]) or 0 in table.words
        if len(names) == width - 1 and counted:
            return ["", *names]  # R has no name for the column of row names
        found = find_names(names)
        if not found or (len(names) == 3 and found["pos"] == (0, 1, 2)):
            continue
        # The last name may have several words.
        if len(names) > width > max(map(max, found.values())) + 1:
            return [*names[: width - 1], " ".join(names[width - 1 :])]
        raise InputError(f"its header has {len(names)} names, its rows {width} columns")
    return None


def _use_decimal_points(lines: list[str], start: int, separator: str) -> list[str]:
    """Replace decimal commas by points; return a note if the commas may group thousands."""
    if separator in (",", _MIXED):
        return []
    sample = list(islice((line for line in lines[start:] if "," in line or "." in line), _SAMPLED))
    fields = [text for row in _split(sample, separator) for text in row if _looks_like_number(text)]
    commas = [text for text in fields if "," in text]
    if not commas:
        return []
    if any("." in text and text != "." for text in fields):
        raise InputError(
            "some of its numbers have a decimal comma, some a decimal point: write all"
            " of them with a point, and none with marks between thousands"
        )
    lines[start:] = [line.replace(",", ".") for line in lines[start:]]
    if not all(map(_GROUPED.fullmatch, commas)):
        return []
    point = commas[0].replace(",", ".")
    return [f"the comma was taken for a decimal mark: {commas[0]} is {point}"]


def _at_once(lines: Sequence[str], separator: str) -> _Table | None:
    """Read numbers, and skip columns of words, at NumPy's speed; None if that might be wrong."""
    if separator == _MIXED:
        lines = [line.translate(str.maketrans(",;|", "   ")) for line in lines]
    delimiter = None if separator in (_SPACE, _MIXED) else separator
    filled = (line for line in lines if line.strip())
    rows = list(islice(_split(filled, delimiter or _SPACE), _SAMPLED))
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        return None
    words = {i for i in range(width) if not any(_looks_like_number(row[i]) for row in rows)}
    used = [i for i in range(width) if i not in words]
    # NumPy does not notice a missing column if it reads only some.
    if words and any('"' in line or line.count(separator) != width - 1 for line in lines if line):
        return None
    try:
        found = np.loadtxt(lines, delimiter=delimiter, usecols=used if words else None, ndmin=2)
    except ValueError:
        return None
    if not words:
        return _Table(found)
    numbers = np.full((len(found), width), np.nan)
    numbers[:, used] = found
    return _Table(numbers, words, {i: (0, rows[0][i]) for i in words})


def _by_field(lines: Sequence[str], start: int, separator: str, counted: bool) -> _Table:
    """Read the fields one by one, with words and missing numbers, and find invalid ones."""
    texts, line_of = list[str](), list[int]()
    blank = " " if separator == "\t" else None  # between tabs, the first field may be empty
    for number, line in enumerate(islice(lines, start, None), start + 1):
        text = re.sub(r"(^|\s)#.*", "", line).strip(blank)
        if text.strip() and not _is_comment(text, separator):
            texts.append(text)
            line_of.append(number)
    rows, announced = list(_split(texts, separator)), 0
    if counted:  # several scans, each after its number of points
        single = [len(row) == 1 and row[0].isdecimal() for row in rows]
        announced = sum(int(row[0]) for row in compress(rows, single))
        points = [not each for each in single]
        rows, line_of = [*compress(rows, points)], [*compress(line_of, points)]
    columns = list(zip(*_of_one_width(rows, line_of), strict=True))
    table = _Table(np.full((len(rows), len(columns)), np.nan), announced=announced)
    for i, column in enumerate(columns):
        table.numbers[:, i], wrong = _numbers(column, separator)
        if wrong:
            table.invalid[i] = line_of[wrong[0]], column[wrong[0]]
        if len(wrong) * 2 > len(column) or (wrong and np.isnan(table.numbers[:, i]).all()):
            table.words.add(i)
    return table


def _of_one_width(rows: list[list[str]], line_of: Sequence[int]) -> list[list[str]]:
    """Give rows the same width, by joining the words of a label at their end."""
    lengths = Counter(map(len, rows))
    width = min(lengths)
    if not any(text and _looks_like_number(text) for row in rows for text in row[width:]):
        return [[*row[: width - 1], " ".join(row[width - 1 :]).strip()] for row in rows]
    usual = lengths.most_common(1)[0][0]
    row, line = next(each for each in zip(rows, line_of, strict=True) if len(each[0]) != usual)
    raise InputError(f"line {line}: it has {len(row)} numbers where {usual} are needed")


def _numbers(column: Sequence[str], separator: str) -> tuple[Array, list[int]]:
    """Read a column, NaN where there is no number, and list the fields that are no numbers."""
    if separator == "," and any("," in text for text in column):
        column = _without_groups(column)
    with suppress(ValueError):
        if not any("_" in text for text in column):
            return np.fromiter(map(float, column), np.float64, len(column)), []
    numbers, wrong = np.full(len(column), np.nan), []
    for i, text in enumerate(column):
        if is_number(text) or is_number(text := _FORTRAN.sub("e", text)):
            numbers[i] = float(text)
        elif text.lower() not in _MISSING:
            wrong.append(i)
    return numbers, wrong


def _without_groups(column: Sequence[str]) -> list[str]:
    """Remove the commas that group thousands, as in "1,234.5"."""
    grouped = [text for text in column if "," in text and _GROUPED.fullmatch(text)]
    if grouped and not any("." in text or text.count(",") > 1 for text in column):
        text = grouped[0]
        raise InputError(
            f"{text!r} may be {text.replace(',', '.')} or {text.replace(',', '')}:"
            " write it without a comma"
        )
    return [text.replace(",", "") if _GROUPED.fullmatch(text) else text for text in column]
