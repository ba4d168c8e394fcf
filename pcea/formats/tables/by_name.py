"""Columns by the names that programs give them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from pcea.errors import InputError
from pcea.formats.tables.columns import Layout, Triple

# Names are compared in small letters, without units in brackets and without what is no letter or
# digit: "pos_x", "Pos X [m]" and "pos.x" are all posx; ParaView's "Points:0" is points0.
_PLACES = "pos position points point p coord coords coordinate coordinates location loc utm vertex"
_AFTER = "coord coordinate pos position utm m mm cm value"
_NORMALS = "n normal normals norm norms normalvector vertexnormal nrm"
_COLORS = "color colors colour colours col rgb rgba diffuse diffusecolor vertexcolor scalar"

_EAST = "easting eastings east e rechtswert rechts ost est este utmeasting utme"
_NORTH = "northing northings north n hochwert hoch nord norte utmnorthing utmn"
_HEIGHTS = (
    "z height elevation altitude elev alt h up u level höhe hoehe hohe altura cota quota hauteur"
    " elevacion orthometricheight ellipsoidalheight zcoord zm"
)
_HEIGHTS_OVER_XY = "height elevation altitude elev alt h höhe hoehe cota quota"
_DEGREES = {"longitude", "latitude", "lon", "lat", "long", "lng"}

# What a program calls columns that nobody named: R's V1, MATLAB's Var1, pandas' numbers.
_NO_NAME = re.compile(r"(v|var|x|c|col|column|f|field|feature|dim|attr|data|unnamed)?\d*")

_Names = tuple[str, str, str]


def _spellings(words: str, axes: Sequence[str]) -> list[_Names]:
    """Every word before each axis, and before 0, 1, 2."""
    return [
        (word + kind[0], word + kind[1], word + kind[2])
        for word, kind in product(words.split(), (axes, "012"))
    ]


_POSITIONS: list[_Names] = [
    ("x", "y", "z"),
    *_spellings(_PLACES, "xyz"),
    *(("x" + word, "y" + word, "z" + word) for word in _AFTER.split()),
    *(("x", "y", height) for height in _HEIGHTS_OVER_XY.split()),
    *product(_EAST.split(), _NORTH.split(), _HEIGHTS.split()),
]
_NORMAL_NAMES: list[_Names] = [
    *_spellings(_NORMALS, "xyz"),
    *(("x" + word, "y" + word, "z" + word) for word in ("n", "normal", "norm")),
]
_COLOR_NAMES: list[_Names] = [
    ("r", "g", "b"),
    ("red", "green", "blue"),
    ("rf", "gf", "bf"),  # CloudCompare's fractions
    *_spellings(_COLORS, "rgb"),
    *_spellings(_COLORS, ("red", "green", "blue")),
]
_AXES = {name for names in (("x", "y", "z"), *_spellings(_PLACES, "xyz")) for name in names}
_AXES |= {"easting", "northing", "east", "north", "rechtswert", "hochwert"}


def layout_by_name(names: Sequence[str], path: Path) -> Layout | None:
    """Find x, y, z, the normals and the colors among the names of columns.

    Args:
        names: (W,) names as the file has them.
        path: the file, for the message.

    Returns:
        What was found; None where the names say nothing about positions.

    Raises:
        InputError: the names are those of degrees, or of some of x, y and z but not all.
    """
    layout, plain = find_names(names), [_plain(name) for name in names]
    if layout is not None:
        return layout
    if len(_DEGREES & set(plain)) >= 2:
        raise InputError(
            f"{path}: its columns are longitude and latitude: degrees are no lengths;"
            " project them to a map first"
        )
    if found := [name for name, bare in zip(names, plain, strict=True) if bare in _AXES]:
        raise InputError(
            f"{path}: of x, y and z its header names only {' '.join(found)}: name all three"
        )
    return None


def find_names(names: Sequence[str]) -> Layout | None:
    """Find what :func:`layout_by_name` finds, and give None where it would refuse."""
    plain = [_plain(name) for name in names]
    pos = _find(plain, _POSITIONS)
    if pos is None:
        return None
    return Layout(pos, _find(plain, _NORMAL_NAMES), _find(plain, _COLOR_NAMES))


def says_nothing(names: Sequence[str]) -> bool:
    """Tell whether these are only what programs call columns that nobody named, as V1, V2."""
    return all(_NO_NAME.fullmatch(_plain(name)) for name in names)


def is_index(name: str) -> bool:
    """Tell whether a column among named ones has no name: pandas and R put their index there."""
    return not name or name.lower().startswith("unnamed")


def _find(plain: Sequence[str], choices: Sequence[_Names]) -> Triple | None:
    for x, y, z in choices:
        if x in plain and y in plain and z in plain:
            return (plain.index(x), plain.index(y), plain.index(z))
    return None


def _plain(name: str) -> str:
    without_unit = re.sub(r"(?<=\w)\s*[\(\[].*?[\)\]]", "", name)
    return "".join(letter for letter in without_unit.lower() if letter.isalnum())
