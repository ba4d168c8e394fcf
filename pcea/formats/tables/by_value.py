"""Columns without names, by what their numbers can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array
from pcea.formats.tables.columns import Layout, Triple

_WIDEST = 16  # more columns than that are features, not points
_LENGTH_SLACK = 0.02  # normals of two decimals are off by up to 0.009
_MOST_CODE = 18  # classes of LAS and numbers of returns go up to here, colors beyond it
_MOST_LABEL = 63
_FEWEST_COUNTED = 4  # a shorter first column of 0, 1, 2 may well be x


def layout_by_value(table: Array, path: Path) -> Layout:
    """Decide by the numbers which columns are positions, normals and colors.

    The first three are x, y, z; only a first column that counts the rows is passed over. Three
    neighboring columns of unit length are normals; three of whole numbers up to 255, of fractions
    or, where nothing else is left, of whole numbers up to 65,535 are colors. Whatever is neither
    is left out. A file that ends in ``.xyzn`` or ``.xyzrgb`` says itself what follows x, y, z.

    Args:
        table: (N, W) real numbers.
        path: the file, for its ending and the message.

    Returns:
        The layout; its remarks say where another one is possible.

    Raises:
        InputError: there are fewer than 3 columns, or too many to be a table of points.
    """
    width = table.shape[1]
    if width < 3:
        raise InputError(f"{path}: it has {width} columns; at least 3 (x y z) are needed")
    if width > _WIDEST:
        raise InputError(
            f"{path}: it has {width} columns and no names: which are x, y and z cannot be told;"
            " name them in a header line, or keep the first 3"
        )
    ending, named = path.suffix.lower(), (3, 4, 5) if width >= 6 else None
    if ending == ".xyzn":
        return Layout((0, 1, 2), normal=named)
    if ending == ".xyzrgb":
        return Layout((0, 1, 2), color=named)
    start, remarks = 0, []
    if width > 3 and _counts_rows(table):
        start = 1
        remarks.append("its first column counts the rows: an index, taken for no coordinate")
    pos = (start, start + 1, start + 2)
    rest = list(range(start + 3, width))
    normal = next((c for c in _neighbors(rest) if _are_normals(table[:, c])), None)
    if normal is not None:
        rest = [i for i in rest if i not in normal]
    elif len(rest) == 6 and _is_position_again(table, pos, rest[3:]):
        rest = rest[:3]
    color, remark = _find_colors(table, rest)
    return Layout(pos, normal, color, (*remarks, *remark))


def _counts_rows(table: Array) -> bool:
    first = table[:, 0]
    if len(first) < _FEWEST_COUNTED:
        return False
    count = np.arange(len(first))
    if not ((first == count).all() or (first == count + 1).all()):
        return False
    others = table[:, 1:4].astype(np.float64)
    others = others[np.isfinite(others).all(1)]
    return len(others) > 1 and bool(np.ptp(others, axis=0).any())


def _neighbors(columns: Sequence[int]) -> list[Triple]:
    """Every three of the columns that stand side by side."""
    return [(i, i + 1, i + 2) for i in columns if i + 1 in columns and i + 2 in columns]


def _known(values: Array) -> Array:
    """The rows of (N, C) that are finite, as float64."""
    values = values.astype(np.float64)
    return values[np.isfinite(values).all(1)]


def _are_normals(values: Array) -> bool:
    length = np.linalg.norm(_known(values), axis=1)
    unit = np.abs(length - 1) <= _LENGTH_SLACK
    return bool(unit.any() and (unit | (length == 0)).all())


def _is_position_again(table: Array, pos: Triple, columns: Sequence[int]) -> bool:
    """Tell whether columns are x, y, z once more, brought to another range, as in S3DIS."""
    known = _known(table[:, [*pos, *columns]])
    if not len(known) or known[:, 3:].min() < -1e-3 or known[:, 3:].max() > 1 + 1e-3:
        return False
    for x, y in zip(known[:, :3].T, known[:, 3:].T, strict=True):
        x = x - x.mean()
        slope = (x @ y) / max(x @ x, 1e-300)
        if np.abs(y - y.mean() - slope * x).max() > 0.01:
            return False
    return True


def _find_colors(table: Array, rest: Sequence[int]) -> tuple[Triple | None, tuple[str, ...]]:
    most = 1 if len(rest) == 3 else _MOST_CODE
    bytes_ = [c for c in _neighbors(rest) if _are_whole(table[:, c], most, 255)]
    if bytes_:
        return _one_of(table, bytes_), ()
    if len(rest) > 4:
        return None, ()
    fractions = [c for c in _neighbors(rest) if _are_fractions(table[:, c], len(rest) == 3)]
    if len(fractions) == 2 and not _is_all(table[:, rest[3]], 1):
        first, last = rest[0] + 1, rest[3] + 1
        return None, (
            f"columns {first} to {last} are all fractions, and which are colors cannot be told:"
            " name them in a header line",
        )
    if fractions:
        return fractions[0], ()
    if len(rest) == 3 and _are_whole(table[:, rest], 255, 65535):
        return (rest[0], rest[1], rest[2]), ()
    return None, ()


def _one_of(table: Array, choices: Sequence[Triple]) -> Triple:
    """Choose between x y z intensity r g b and x y z r g b label, where both are possible."""
    first = choices[0]
    if len(choices) == 1 or choices[1][0] != first[0] + 1:
        return first
    before, after = table[:, first[0]], table[:, first[2] + 1]
    if _is_all(after, 255) and not _is_all(before, 255):
        return first  # r g b a
    kinds = [len(np.unique(table[:, i])) for i in (*first, first[2] + 1)]
    is_label = after.max() <= _MOST_LABEL < before.max() and kinds[3] < min(kinds[:3])
    return first if is_label else choices[1]


def _are_whole(values: Array, more_than: int, up_to: int) -> bool:
    known = _known(values)
    return bool(
        len(known)
        and known.min() >= 0
        and more_than < known.max() <= up_to
        and (known == known.round()).all()
    )


def _are_fractions(values: Array, even_whole: bool) -> bool:
    known = _known(values)
    if not len(known) or known.min() < 0 or known.max() > 1 or not known.any():
        return False
    return even_whole or bool((known != known.round()).any())


def _is_all(values: Array, value: float) -> bool:
    return bool((values == value).all())
