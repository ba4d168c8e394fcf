"""Text tables of any separator, a point a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Raw
from pcea.formats.registry import register_format
from pcea.formats.rows import read_text
from pcea.formats.tables.by_name import is_index, layout_by_name, says_nothing
from pcea.formats.tables.by_value import layout_by_value
from pcea.formats.tables.columns import Layout, as_raw, numbered
from pcea.formats.tables.header import Header, names_for, read_header
from pcea.formats.tables.separators import find_separator, without_brackets
from pcea.formats.tables.values import Values, read_values

_ENDINGS = ("xyz", "xyzn", "xyzrgb", "txt", "pts", "csv", "tsv", "asc", "dat")


@register_format(*_ENDINGS)
def read_rows(path: Path) -> Raw:
    """Read text: a point a row, its columns separated by spaces, tabs, commas, semicolons or ``|``.

    A header line that names the columns says where x, y, z, the normals and the colors stand;
    without one, the numbers decide (:func:`pcea.formats.tables.by_value.layout_by_value`). Before
    the rows there may also be a number of points, a title and comments (``#``, ``//``, ``%``,
    ``!``, or ``;`` where it does not separate). Decimal commas, quotes, grouped thousands,
    Fortran's ``1.0D+00`` and brackets around rows are understood; fields that are empty or say
    that there is no number are NaN; columns of words are left out.

    Args:
        path: the file.

    Returns:
        Its points in float64, with a note that says which columns were taken for what.

    Raises:
        InputError: it is no text, no table, or a row or its header does not fit.
    """
    lines = without_brackets(read_text(path)).split("\n")
    separator = find_separator(lines)
    header = read_header(lines, separator, path)
    several = header.count is not None
    values = read_values(lines, header.start, separator, path, several)
    names = names_for(header, values, path)
    layout = None if names is None else layout_by_name(names, path)
    if layout is None:
        layout = _by_value(values, names, path)
    for column in layout.used:
        values.check(column, path)
    labels = numbered(values.numbers.shape[1]) if names is None else names
    raw = as_raw(values.numbers.T, layout, labels)
    return replace(raw, notes=(*raw.notes, *values.notes, *_remarks(header, values, names)))


def _by_value(values: Values, names: Sequence[str] | None, path: Path) -> Layout:
    known = np.isfinite(values.numbers).any(0)
    columns = [i for i in np.flatnonzero(known).tolist() if i not in values.words]
    if names is not None:
        if any(names):
            columns = [i for i in columns if not is_index(names[i])]
        if len(columns) > 3 and not says_nothing([names[i] for i in columns]):
            raise InputError(
                f"{path}: its header names no x, y and z (it has {', '.join(names)[:80]}):"
                " name them so"
            )
    # What is not a number in every row is no coordinate's neighbor.
    columns = [i for k, i in enumerate(columns) if k < 3 or i not in values.odd]
    if len(columns) < 3:
        raise InputError(
            f"{path}: it has {len(columns)} columns of numbers where at least 3 (x y z) are needed"
        )
    return layout_by_value(values.numbers[:, columns], path).moved(columns)


def _remarks(header: Header, values: Values, names: Sequence[str] | None) -> list[str]:
    said = []
    left = len(header.titles) - (names is not None)
    if left > 0:
        said.append(f"{left} of the lines before its first row were left out: they are no points")
    if header.count is not None and header.count + values.announced != len(values.numbers):
        announced = header.count + values.announced
        said.append(f"it announces {announced} points and holds {len(values.numbers)}")
    return said
