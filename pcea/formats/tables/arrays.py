"""An array whose columns have no names, as points."""

from __future__ import annotations

from pathlib import Path

from pcea.errors import InputError
from pcea.formats.raw import Array, Raw
from pcea.formats.tables.by_value import layout_by_value
from pcea.formats.tables.columns import as_raw, numbered

# Three rows may be points up to this many columns; beyond, they can only be x, y and z.
_WIDEST = 16


def points_of(array: Array, path: Path) -> Raw:
    """Make points of an array whose columns have no names.

    Args:
        array: (N, 3 or more); an axis of length 1 more does no harm. (3, N) is turned where it
            can be nothing else.
        path: the file, for the message.

    Raises:
        InputError: the array is of another shape or type, or may be (3, N).
    """
    table, notes = as_rows(array, path)
    layout = layout_by_value(table, path)
    raw = as_raw(table.T, layout, numbered(table.shape[1]))
    return Raw(raw.pos, normal=raw.normal, color=raw.color, notes=(*raw.notes, *notes))


def as_rows(array: Array, path: Path) -> tuple[Array, tuple[str, ...]]:
    """Bring an array to a point a row, and say what was done for it.

    Raises:
        InputError: it is no table of real numbers, or may be one of columns.
    """
    shape = array.shape
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: it holds {array.dtype}; real numbers are needed")
    if array.ndim == 3 and 1 in shape:
        array = array.squeeze(axis=shape.index(1))
    if array.ndim == 3 and array.shape[2] == 3:
        raise InputError(f"{path}: its array has shape {shape}: save one cloud of (N, 3) a file")
    if array.ndim != 2 or array.shape[1] < 3:
        raise InputError(f"{path}: its array has shape {shape}; (N, 3) or (N, 6) is needed")
    rows, columns = array.shape
    if rows == 3 and columns > _WIDEST:
        return array.T, (f"its array is (3, {columns}): taken for {columns} points",)
    if rows in (3, 6) and rows < columns:
        raise InputError(
            f"{path}: its array has shape {shape}, which may be {rows} points or (3, N): transpose"
            " it to a point a row, or name what is in it"
        )
    return array, ()
