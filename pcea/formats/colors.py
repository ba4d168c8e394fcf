"""What range a file's colors have, and those of the screen (sRGB) as the linear light of glTF."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Fractions are written with few digits, and a sum of rounding may end a little above 1.
_SLACK = 1e-3


def as_color(values: Array) -> Array | None:
    """Bring (N, 3 or more) colors to (N, 3) uint8; None where the numbers cannot be colors."""
    # What is written as 8 bits is taken as it is; of other numbers, the largest decides.
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
    # `to_screen` gives exactly the same color back, from float32 and from 16 bits, too; 8 bits of
    # linear light cannot tell dark colors apart.
    return _LINEAR[color]


def to_screen(light: Array) -> Array:
    """Turn (…) linear light into (…) uint8 colors of the screen, clipped to 0 … 1; NaN is dark."""
    light = np.nan_to_num(light, nan=0.0).clip(0.0, 1.0)
    screen = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (255 * screen).round().astype(np.uint8)
