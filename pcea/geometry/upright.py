"""Which way is up, and from where an upright shape is viewed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pcea.errors import InputError, nearest

# Where the turned x, y and z come from: an axis each, and its sign.
_TURNS = {
    "x": ((1, -1), (0, 1), (2, 1)),
    "-x": ((1, 1), (0, -1), (2, 1)),
    "y": ((0, 1), (1, 1), (2, 1)),
    "-y": ((0, 1), (1, -1), (2, -1)),
    "z": ((0, 1), (2, 1), (1, -1)),
    "-z": ((0, 1), (2, -1), (1, 1)),
}
UP_AXES = tuple(_TURNS)
# From where pictures show a shape, in degrees: around it, and above the horizon.
AZIMUTH, ELEVATION = 35.0, 20.0


def upright(pos: Tensor, up: str) -> Tensor:
    """Turn positions or normals, without mirroring them, so that their up axis becomes y.

    Args:
        pos: (…, 3) positions or normals.
        up: the axis that points up in them, one of :data:`UP_AXES`.

    Returns:
        (…, 3) the same, y up.

    Raises:
        InputError: there is no such axis.
    """
    if up not in _TURNS:
        raise InputError(f"no axis is called {up!r}{nearest(up, UP_AXES)}")
    axes, signs = zip(*_TURNS[up], strict=True)
    return pos[..., list(axes)] * pos.new_tensor(signs)


def view_direction(azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> Tensor:
    """Give the direction from an upright shape to whoever views it.

    Args:
        azimuth: from where around the shape, in degrees: 0 is from +z, 90 from +x. Default 35.
        elevation: how far above the horizon, in degrees. Default 20.

    Returns:
        (3,) float32, of length 1.
    """
    around, above = math.radians(azimuth), math.radians(elevation)
    flat = math.cos(above)
    return torch.tensor([flat * math.sin(around), math.sin(above), flat * math.cos(around)])
