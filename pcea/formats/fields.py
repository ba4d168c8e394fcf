"""The names under which PLY and PCD files keep positions, normals and colors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pcea.formats.raw import Array

POSITION = (("x", "y", "z"),)
NORMAL = (
    ("nx", "ny", "nz"),
    ("normal_x", "normal_y", "normal_z"),
    ("normalx", "normaly", "normalz"),
)
COLOR = (
    ("red", "green", "blue"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
    ("r", "g", "b"),
)


def find(fields: Mapping[str, Array], names: tuple[tuple[str, str, str], ...]) -> Array | None:
    """Put three fields side by side.

    Args:
        fields: (N,) values by their names in lower case.
        names: what the three may be called; the first that are all there are taken.

    Returns:
        (N, 3) values, in the smallest type that holds those of all three; None without them.
    """
    for triple in names:
        if all(name in fields for name in triple):
            return np.stack([fields[name] for name in triple], axis=1)
    return None


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
