"""Which way is up."""

from __future__ import annotations

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
