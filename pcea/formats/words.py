"""Numbers in text where white space, the ends of lines too, falls anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pcea.formats.raw import Array


def all_numbers(lines: Sequence[str]) -> Array | None:
    """(K,) float64 numbers of all lines, one after the other; None where something is none."""
    try:
        return np.array(" ".join(lines).split(), np.float64)
    except ValueError:
        return None


def fits_lines(lines: Sequence[str], begins: Array) -> bool:
    """Tell whether records that were read across the ends of lines can be meant so.

    A number that is missing in a file with a record a line must not shift all that follows. So
    where the first line is the first record, either each record begins with a line (long ones go
    on in the next) or each line with a record (several stand in it).

    Args:
        lines: the text.
        begins: (R,) the place of each record's first number among all numbers.
    """
    heads = np.cumsum([0, *(len(line.split()) for line in lines)])[:-1]
    if len(heads) < 2 or len(begins) < 2 or heads[1] != begins[1]:
        return True
    return bool(np.isin(begins, heads).all() or np.isin(heads, begins).all())
