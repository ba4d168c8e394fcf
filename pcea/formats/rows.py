"""Rows of numbers in text, read at the speed of C, with the line of whatever is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array


def read_text(path: Path) -> str:
    """Read a text file.

    Args:
        path: the file; comments in another encoding than UTF-8 do no harm.

    Returns:
        Its text.

    Raises:
        InputError: the file is binary.
    """
    data = path.read_bytes()
    if b"\0" in data:
        raise InputError(
            f"{path}: it is not text, as a {path.suffix} file should be: is it renamed?"
        )
    return data.decode("utf-8-sig", errors="replace")


def number_rows(
    lines: Sequence[str], line_of: Sequence[int], width: int, path: Path, exact: bool = False
) -> Array:
    """Read the first numbers of every line.

    Args:
        lines: the rows, numbers separated by white space.
        line_of: the line of each row in the file, counted from 1, for the message.
        width: how many numbers to read of each row; what follows them is left alone.
        path: the file, for the message.
        exact: refuse rows with more numbers, too. Default: False.

    Returns:
        (len(lines), width) float64 numbers.

    Raises:
        InputError: a row has the wrong length, or something in it is not a number.
    """
    if not lines:
        return np.empty((0, width))
    try:
        columns = None if exact else range(width)
        table = np.loadtxt(lines, comments=None, usecols=columns, ndmin=2)
    except ValueError:
        pass
    else:
        if table.shape == (len(lines), width):  # numpy leaves out rows that are blank
            return table
    for line, number in zip(lines, line_of, strict=True):
        fields = line.split()
        if len(fields) < width or (exact and len(fields) > width):
            raise InputError(
                f"{path}, line {number}: it has {len(fields)} numbers where {width} are needed"
            )
        for field in fields[:width]:
            if not is_number(field):
                raise InputError(f"{path}, line {number}: {field[:40]!r} is not a number")
    raise InputError(f"{path}: its rows cannot be read as {width} numbers each")


def is_number(field: str) -> bool:
    """Tell whether a piece of text is a number (NaN and infinity count)."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field  # 1_000 is a number to Python only
