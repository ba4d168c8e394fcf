"""The data of a text PLY file: a record a line, or white space that falls anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.ply_header import Element, Header
from pcea.formats.ply_table import Column, Table, truncated
from pcea.formats.raw import Array
from pcea.formats.text import all_numbers, fits_lines, number_rows


def text_tables(data: bytes, header: Header, path: Path) -> tuple[dict[str, Table], int]:
    """Read all elements.

    Every writer puts a record on a line of its own, and some put more behind it, which is left
    alone. Where the lines do not fit, the numbers are taken one after the other, as the format
    has it; then all of them must be used up.

    Args:
        data: the file.
        header: what it announces.
        path: its name, for the message.

    Returns:
        The table of each element by its name; values come as float64. And how many lines stand
        behind all that the header announces.

    Raises:
        InputError: the file is truncated, or something in it is not a number.
    """
    lines: list[str] = []
    line_of: list[int] = []
    body = data[header.start :].decode("ascii", errors="replace")
    for number, line in enumerate(body.splitlines(), header.lines + 1):
        line = line.strip()
        # Comments belong into the header, but some stand among the data.
        if line and not line.startswith(("comment", "obj_info", "#")):
            lines.append(line)
            line_of.append(number)
    try:
        return _by_line(lines, line_of, header.elements, path)
    except InputError:
        tables = _by_word(lines, header.elements)
        if tables is None:
            raise
        return tables, 0


def _by_line(
    lines: list[str], line_of: list[int], elements: Sequence[Element], path: Path
) -> tuple[dict[str, Table], int]:
    tables: dict[str, Table] = {}
    done = 0
    for element in elements:
        if not element.properties:
            continue
        here = slice(done, done + element.length)
        done += element.length
        if len(lines) < done:
            raise truncated(element, len(lines[here]), path)
        if element.has_lists:
            table = _list_rows(element, lines[here], line_of[here], path)
        else:
            rows = number_rows(lines[here], line_of[here], len(element.properties), path)
            table = _even(rows, element) or {}
        tables.setdefault(element.name, table)
    return tables, len(lines) - done


def _list_rows(element: Element, lines: Sequence[str], line_of: Sequence[int], path: Path) -> Table:
    try:
        rows = np.loadtxt(lines, comments=None, ndmin=2) if lines else np.empty((0, 0))
    except ValueError:
        rows = np.empty((0, 0))  # lists of different lengths, or something wrong
    even = _even(rows, element) if len(rows) == len(lines) else None
    if even is not None:
        return even
    values: list[list[float]] = [[] for _ in element.properties]
    counts: list[list[int]] = [[] for _ in element.properties]
    for line, number in zip(lines, line_of, strict=True):
        fields = iter(line.split())
        try:
            for place, p in enumerate(element.properties):
                count = int(next(fields)) if p.count else 1
                if count < 0:
                    raise ValueError
                counts[place].append(count)
                values[place] += [float(next(fields)) for _ in range(count)]
        except (StopIteration, RuntimeError, ValueError):
            raise InputError(
                f"{path}, line {number}: {line[:40]!r} is no {element.name} as the header has it"
            ) from None
    table: Table = {}
    for p, found, lengths in zip(element.properties, values, counts, strict=True):
        column = Column(
            np.array(found, np.float64), np.array(lengths, np.int64) if p.count else None
        )
        table.setdefault(p.name, column)
    return table


def _even(rows: Array, element: Element) -> Table | None:
    """Read an element whose lists are all as long as those of its first record, if they are."""
    table: Table = {}
    at = 0
    for p in element.properties:
        length, counts = 1, None
        if p.count:
            if not len(rows) or at >= rows.shape[1] or not 0 <= rows[0, at] <= rows.shape[1]:
                return None
            length = int(rows[0, at])
            if (rows[:, at] != length).any():
                return None
            counts = np.full(len(rows), length)
            at += 1
        if at + length > rows.shape[1]:
            return None
        table.setdefault(p.name, Column(rows[:, at : at + length].reshape(-1), counts))
        at += length
    return table


def _by_word(lines: Sequence[str], elements: Sequence[Element]) -> dict[str, Table] | None:
    """Take the numbers one after the other; None where that does not come out even."""
    numbers = all_numbers(lines)
    if numbers is None:
        return None
    tables: dict[str, Table] = {}
    begins: list[Array] = []
    at = 0
    for element in elements:
        if not element.properties:
            continue
        read = _walk(numbers, at, element) if element.has_lists else _block(numbers, at, element)
        if read is None:
            return None
        tables.setdefault(element.name, read[0])
        begins.append(read[1][:-1])
        at = int(read[1][-1])
    whole = at == len(numbers) and fits_lines(lines, np.concatenate(begins))
    return tables if whole else None


def _block(numbers: Array, at: int, element: Element) -> tuple[Table, Array] | None:
    """Read records of single values, and say where each begins and where the last one ends."""
    width = len(element.properties)
    begins = at + width * np.arange(element.length + 1)
    if begins[-1] > len(numbers):
        return None
    return _even(numbers[at : begins[-1]].reshape(-1, width), element) or {}, begins


def _walk(numbers: Array, at: int, element: Element) -> tuple[Table, Array] | None:
    """Read records with lists, and say where each begins and where the last one ends."""
    pieces: list[list[Array]] = [[] for _ in element.properties]
    begins = [at]
    for _ in range(element.length):
        for p, found in zip(element.properties, pieces, strict=True):
            count = 1
            if p.count:
                if at >= len(numbers) or not float(numbers[at]).is_integer() or numbers[at] < 0:
                    return None
                count = int(numbers[at])
                at += 1
            if at + count > len(numbers):
                return None
            found.append(numbers[at : at + count])
            at += count
        begins.append(at)
    table: Table = {}
    for p, found in zip(element.properties, pieces, strict=True):
        counts = np.array([len(piece) for piece in found], np.int64) if p.count else None
        table.setdefault(p.name, Column(np.concatenate([np.empty(0), *found]), counts))
    return table, np.array(begins)
