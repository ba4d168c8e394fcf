"""The data of one element of a PLY file, whether text or binary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pcea.errors import InputError
from pcea.formats.ply_header import Element
from pcea.formats.raw import Array


@dataclass(frozen=True)
class Column:
    """One property of every record.

    Args:
        values: single values, or lists laid end to end. Text comes as float64.
        counts: (records,) the length of each list; None for single values.
    """

    values: Array
    counts: Array | None = None


Table = dict[str, Column]


def truncated(element: Element, done: int, path: Path) -> InputError:
    """What to raise where an element ends after ``done`` records."""
    return InputError(
        f"{path}: it is truncated: it announces {element.length} of its element {element.name!r}"
        f" and ends after {done}"
    )
