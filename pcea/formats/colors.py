"""Convert colors of any range to 8 bits, and between sRGB (the screen) and glTF's linear light."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Rounded fractions may end a little above 1.
_SLACK = 1e-3


def as_color(values: Array) -> Array | None:
    """Convert (N, 3 or more) colors to (N, 3) uint8; None if the numbers cannot be colors."""
    # uint8 is taken as it is; for other types, the largest number decides about the range.
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


# The screen's (256,) colors as linear light.
_SCREEN = np.arange(256) / 255
_LINEAR = np.where(_SCREEN <= 0.04045, _SCREEN / 12.92, ((_SCREEN + 0.055) / 1.055) ** 2.4)


def to_linear(color: Array) -> Array:
    """Turn (…) uint8 colors of the screen into linear light, (…) float64 from 0 to 1."""
    # `to_screen` returns the same color, also from float32 and from 16 bits; 8 bits of linear light
    # could not tell dark colors apart.
    return _LINEAR[color]


def to_screen(light: Array) -> Array:
    """Turn (…) linear light, clipped to 0 … 1, into (…) uint8 screen colors; NaN becomes black."""
    light = np.nan_to_num(light, nan=0.0).clip(0.0, 1.0)
    screen = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (255 * screen).round().astype(np.uint8)
