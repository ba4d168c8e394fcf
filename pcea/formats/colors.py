"""The one place that decides what range a file's colours have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Fractions are written with few digits, and a sum of rounding may end a little above 1.
_SLACK = 1e-3


def as_color(values: Array) -> Array | None:
    """Bring a file's colours to 0 to 255.

    What is written as 8 bits is taken as it is. Of other whole numbers and of real ones, the
    largest decides: real numbers up to 1 are fractions, numbers up to 255 are of that range, and
    numbers up to 65,535 are of 16 bits.

    Args:
        values: (N, 3 or more) red, green, blue, alpha, which has the same range, and whatever
            follows, in the file's own type.

    Returns:
        (N, 3) uint8; None where the numbers cannot be colours: below 0, or above 65,535. What is
        not finite becomes 0.
    """
    values = values[:, :4]
    if values.dtype == np.uint8 or not len(values):
        return values[:, :3].astype(np.uint8)
    whole_type = values.dtype.kind in "iu"
    known = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = known.min(), known.max()
    if low < -_SLACK or high > 65535:
        return None
    if not whole_type and high <= 1 + _SLACK:
        known = known * 255
    elif high > 255:
        known = known / 257
    return known[:, :3].round().clip(0, 255).astype(np.uint8)
