"""The fields of PLY and PCD files: which ones are positions, normals and colors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pcea.formats.columns import find_names
from pcea.formats.raw import Array


class Found(NamedTuple):
    """Fields side by side, (N, 3) each, in the smallest type that holds those of all three."""

    pos: Array | None
    normal: Array | None
    color: Array | None


def find(fields: Mapping[str, Array]) -> Found:
    """Find positions, normals and colors by the names that tables have them under, too.

    Args:
        fields: (N,) values by their names.

    Returns:
        What was found; None of all three without positions.
    """
    layout = find_names(list(fields))
    if layout is None:
        return Found(None, None, None)
    columns = list(fields.values())
    return Found(
        *(
            None if triple is None else np.stack([columns[i] for i in triple], axis=1)
            for triple in (layout.pos, layout.normal, layout.color)
        )
    )


def in_type(values: Array, type: str) -> Array:
    """Give numbers from text the whole-number type that a header names, if it holds them all.

    A color of 1 is nearly black where it is a byte, and full where it is a fraction.

    Args:
        values: (N,) float64 from text, or what a binary file holds, which stays as it is.
        type: numpy's, as ``u1``.
    """
    if type[-2] not in "iu" or values.dtype.kind != "f":
        return values
    limits = np.iinfo(type)
    fits = ((values >= limits.min) & (values <= limits.max) & (values % 1 == 0)).all()
    return values.astype(type) if fits else values
