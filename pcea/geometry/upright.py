"""Turn shapes upright, and the direction from which they are viewed."""

import math
from typing import get_args

import torch
from torch import Tensor

from pcea.defaults import UpAxis
from pcea.errors import InputError, nearest

# For each up axis, the source axis and the sign of the new x, y and z.
_TURNS = {
    "x": ((1, -1), (0, 1), (2, 1)),
    "-x": ((1, 1), (0, -1), (2, 1)),
    "y": ((0, 1), (1, 1), (2, 1)),
    "-y": ((0, 1), (1, -1), (2, -1)),
    "z": ((0, 1), (2, 1), (1, -1)),
    "-z": ((0, 1), (2, -1), (1, 1)),
}
UP_AXES: tuple[UpAxis, ...] = get_args(UpAxis)
# The default view of pictures, in degrees: around the shape, and above the horizon.
AZIMUTH, ELEVATION = 35.0, 20.0


def upright(pos: Tensor, up: str) -> Tensor:
    """Rotate (…, 3) positions or normals so that their axis ``up`` becomes y.

    ``up`` is one of :data:`UP_AXES`; any other name raises an InputError.
    """
    if up not in _TURNS:
        raise InputError(f"no axis is called {up!r}{nearest(up, UP_AXES)}")
    axes, signs = zip(*_TURNS[up], strict=True)
    return pos[..., list(axes)] * pos.new_tensor(signs)


def upright_turns(device: torch.device | str = "cpu") -> Tensor:
    """Give the rotations of :func:`upright` as matrices: (6, 3, 3) float32, ordered as UP_AXES.

    ``pos @ matrix`` does the same. With its transpose, a shape with y up gets that axis up.
    """
    return torch.stack([upright(torch.eye(3, device=device), up) for up in UP_AXES])


def view_direction(azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> Tensor:
    """Return the direction, (3,) float32 of length 1, from an upright shape to its viewer.

    Both angles are in degrees. The azimuth is 0 from +z and 90 from +x; the elevation is above the
    horizon.
    """
    around, above = math.radians(azimuth), math.radians(elevation)
    flat = math.cos(above)
    return torch.tensor([flat * math.sin(around), math.sin(above), flat * math.cos(around)])
