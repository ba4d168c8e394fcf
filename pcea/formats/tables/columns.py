"""Which columns of a table are what, and the points made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pcea.formats.raw import Array, Raw

_MOST_NAMED = 6

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Layout:
    """Which columns of a table are what, counted from 0.

    Args:
        pos: x, y, z.
        normal: the normal's x, y, z; default: the table has no normals.
        color: red, green, blue; default: the table has no colors.
        remarks: what a person should know of how this was decided, a sentence each.
    """

    pos: Triple
    normal: Triple | None = None
    color: Triple | None = None
    remarks: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[int, ...]:
        """All columns that are taken for something."""
        return self.pos + (self.normal or ()) + (self.color or ())

    def moved(self, columns: Sequence[int]) -> Layout:
        """Give the layout of the whole table, of which only some columns were looked at.

        Args:
            columns: which columns of the whole table those were.
        """

        def there(triple: Triple) -> Triple:
            return (columns[triple[0]], columns[triple[1]], columns[triple[2]])

        return Layout(
            there(self.pos),
            there(self.normal) if self.normal else None,
            there(self.color) if self.color else None,
            self.remarks,
        )


def as_raw(columns: Sequence[Array] | Array, layout: Layout, labels: Sequence[str]) -> Raw:
    """Make points of the columns of a table.

    Args:
        columns: W columns of (N,) numbers each.
        layout: which of them are what.
        labels: (W,) what to call each column in the note: its name, or its number from 1.

    Returns:
        The points, with a note that says which columns were taken for what, unless the table is
        x, y, z alone.
    """

    def stack(triple: Triple | None) -> Array | None:
        return None if triple is None else np.stack([columns[i] for i in triple], axis=1)

    pos = stack(layout.pos)
    assert pos is not None
    notes = layout.remarks
    if len(labels) > 3 or [label.lower() for label in labels] not in (["x", "y", "z"], _NUMBERS):
        notes = (_note(layout, labels), *notes)
    return Raw(pos=pos, normal=stack(layout.normal), color=stack(layout.color), notes=notes)


_NUMBERS = ["1", "2", "3"]


def numbered(width: int) -> list[str]:
    """Number the columns of a table that has no names, from 1."""
    return [str(i + 1) for i in range(width)]


def _note(layout: Layout, labels: Sequence[str]) -> str:
    found: Mapping[str, Triple | None] = {
        "x y z": layout.pos,
        "normals": layout.normal,
        "colors": layout.color,
    }
    said = [
        f"{what} = {' '.join(labels[i] for i in triple)}"
        for what, triple in found.items()
        if triple is not None
    ]
    left = [
        label or f"the one without a name ({i + 1})"
        for i, label in enumerate(labels)
        if i not in layout.used
    ]
    return f"columns: {', '.join(said + left_out(left))}"


def left_out(names: Sequence[str]) -> list[str]:
    """Say which of a table's columns were not used; nothing where all of them were."""
    if not names:
        return []
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return [f"not used: {', '.join(names[:_MOST_NAMED])}{more}"]
