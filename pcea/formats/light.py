"""Colors of the screen (sRGB, as files and people write them) and linear light, as glTF has it."""

from __future__ import annotations

import numpy as np

from pcea.formats.raw import Array


def to_linear(color: Array) -> Array:
    """Turn colors of the screen into linear light.

    Args:
        color: (…) uint8, 0 to 255.

    Returns:
        (…) float64, 0 to 1. :func:`to_screen` gives exactly the same color back, from float32 and
        from 16 bits, too; 8 bits of linear light cannot tell dark colors apart.
    """
    return _LINEAR[color]


def to_screen(light: Array) -> Array:
    """Turn linear light into colors of the screen.

    Args:
        light: (…) real numbers, 0 to 1; beyond, the nearest of these is taken. NaN is dark.

    Returns:
        (…) uint8, 0 to 255.
    """
    light = np.nan_to_num(light, nan=0.0).clip(0.0, 1.0)
    screen = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (255 * screen).round().astype(np.uint8)


def _table() -> Array:
    screen = np.arange(256) / 255
    return np.where(screen <= 0.04045, screen / 12.92, ((screen + 0.055) / 1.055) ** 2.4)


_LINEAR = _table()
