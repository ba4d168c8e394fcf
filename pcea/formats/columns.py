"""Which columns of a table are positions, normals and colors: by names, or by the numbers."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array, Raw

Triple = tuple[int, int, int]
# Which columns of a table, counted from 0, are "pos", "normal" and "color", of those it has.
Layout = dict[str, Triple]

# Names are compared in small letters, without units in brackets and without what is no letter or
# digit: "pos_x", "Pos X [m]" and "pos.x" are all posx; ParaView's "Points:0" is points0.
_PLACES = "pos position points point p coord coords coordinate coordinates location loc utm vertex"
_AFTER = "coord coordinate pos position utm m mm cm value"
_NORMALS = "n normal normals norm norms normalvector vertexnormal nrm"
_COLORS = "color colors colour colours col rgb rgba diffuse diffusecolor vertexcolor scalar"
_EAST = "easting eastings east e rechtswert rechts ost est este utmeasting utme"
_NORTH = "northing northings north n hochwert hoch nord norte utmnorthing utmn"
_HEIGHTS = (
    "z height elevation altitude elev alt h höhe hoehe cota up u level hohe altura quota hauteur"
    " elevacion orthometricheight ellipsoidalheight zcoord zm"
)
_DEGREES = {"longitude", "latitude", "lon", "lat", "long", "lng"}
# What a program calls columns that nobody named: R's V1, MATLAB's Var1, pandas' numbers.
_NO_NAME = re.compile(r"(v|var|x|c|col|column|f|field|feature|dim|attr|data|unnamed)?\d*")

_Names = tuple[str, str, str]


def _spellings(words: str, *axes: Sequence[str]) -> list[_Names]:
    """Every word before each axis, and before 0, 1, 2."""
    return [(w + a, w + b, w + c) for w, (a, b, c) in product(words.split(), (*axes, "012"))]


_NAMED: dict[str, list[_Names]] = {
    "pos": [
        ("x", "y", "z"),
        *_spellings(_PLACES, "xyz"),
        *(("x" + word, "y" + word, "z" + word) for word in _AFTER.split()),
        *(("x", "y", height) for height in _HEIGHTS.split()[:10]),
        *product(_EAST.split(), _NORTH.split(), _HEIGHTS.split()),
    ],
    "normal": [
        *_spellings(_NORMALS, "xyz"),
        *(("x" + word, "y" + word, "z" + word) for word in ("n", "normal", "norm")),
    ],
    "color": [
        *(("r", "g", "b"), ("red", "green", "blue")),
        ("rf", "gf", "bf"),  # CloudCompare's fractions
        *_spellings(_COLORS, "rgb", ("red", "green", "blue")),
    ],
}
_AXES = {name for names in (("x", "y", "z"), *_spellings(_PLACES, "xyz")) for name in names}
_AXES |= {"easting", "northing", "east", "north", "rechtswert", "hochwert"}

_MOST_NAMED = 6  # columns in a note
MOST_COLUMNS = 16  # more of them are features, not points
_LENGTH_SLACK = 0.02  # normals of two decimals are off by up to 0.009
_MOST_CODE = 18  # classes of LAS and numbers of returns go up to here, colors beyond it
_MOST_LABEL = 63
_FEWEST_COUNTED = 4  # a shorter first column of 0, 1, 2 may well be x


def layout_by_name(names: Sequence[str]) -> Layout:
    """Find positions, normals and colors among the (W,) names; nothing where none is a position."""
    if layout := find_names(names):
        return layout
    plain = [_plain(name) for name in names]
    if len(_DEGREES & set(plain)) >= 2:
        raise InputError(
            "its columns are longitude and latitude: degrees are no lengths;"
            " project them to a map first"
        )
    if found := [name for name, bare in zip(names, plain, strict=True) if bare in _AXES]:
        raise InputError(f"of x, y and z its header names only {' '.join(found)}: name all three")
    return {}


def find_names(names: Sequence[str]) -> Layout:
    """Find what :func:`layout_by_name` finds, and give nothing where it would refuse."""
    plain, layout = [_plain(name) for name in names], Layout()
    for kind, choices in _NAMED.items():
        for x, y, z in (each for each in choices if {*each} <= {*plain}):
            layout.setdefault(kind, (plain.index(x), plain.index(y), plain.index(z)))
    return layout if "pos" in layout else {}


def says_nothing(names: Sequence[str]) -> bool:
    """Tell whether these are only what programs call columns that nobody named, as V1, V2."""
    return all(_NO_NAME.fullmatch(_plain(name)) for name in names)


def _plain(name: str) -> str:
    without_unit = re.sub(r"(?<=\w)\s*[\(\[].*?[\)\]]", "", name)
    return "".join(letter for letter in without_unit.lower() if letter.isalnum())


def layout_by_value(table: Array, ending: str = "") -> tuple[Layout, list[str]]:
    """Decide by the (N, W) numbers which columns are what, by the rules of docs/files.md.

    It also gives remarks on how this was decided. The ending of a file may say what follows x y z.
    """
    width = table.shape[1]
    if width < 3:
        raise InputError(f"it has {width} columns; at least 3 (x y z) are needed")
    if width > MOST_COLUMNS:
        raise InputError(
            f"it has {width} columns and no names: which are x, y and z cannot be told;"
            " name them in a header line, or keep the first 3"
        )
    layout, remarks, start = Layout(pos=(0, 1, 2)), list[str](), 0
    if ending in (".xyzn", ".xyzrgb"):
        if width >= 6:
            layout["normal" if ending == ".xyzn" else "color"] = (3, 4, 5)
        return layout, remarks
    others = _known(table[:, 1:4])
    enough = width > 3 and len(table) >= _FEWEST_COUNTED and len(others) > 1
    if enough and counts_rows(table[:, 0]) and np.ptp(others, axis=0).any():
        layout["pos"], start = (1, 2, 3), 1
        remarks.append("its first column counts the rows: an index, taken for no coordinate")
    rest = [*range(start + 3, width)]
    for normal in [c for c in _neighbors(rest) if are_normals(table[:, c])][:1]:
        layout["normal"] = normal
        rest = [i for i in rest if i not in normal]
    if color := _find_colors(table, rest, remarks):
        layout["color"] = color
    return layout, remarks


def are_normals(values: Array) -> bool:
    """Tell whether vectors (N, 3) are of length 1, but for those that are zero: unknown."""
    length = np.linalg.norm(_known(values), axis=1)
    unit = np.abs(length - 1) <= _LENGTH_SLACK
    return bool(unit.any() and (unit | (length == 0)).all())


def counts_rows(column: Array) -> bool:
    """Tell whether (N,) numbers are 0, 1, 2 … or 1, 2, 3 …."""
    from_0 = column - np.arange(len(column))
    return bool((from_0 == 0).all() or (from_0 == 1).all())


def _neighbors(columns: Sequence[int]) -> list[Triple]:
    """Every three of the columns that stand side by side."""
    return [(i, i + 1, i + 2) for i in columns if i + 1 in columns and i + 2 in columns]


def _known(values: Array) -> Array:
    """The rows of (N, C) that are finite, as float64."""
    values = values.astype(np.float64)
    return values[np.isfinite(values).all(1)]


def _find_colors(table: Array, rest: Sequence[int], remarks: list[str]) -> Triple | None:
    threes, alone = _neighbors(rest), len(rest) == 3
    bytes_ = [c for c in threes if _are_whole(table[:, c], 1 if alone else _MOST_CODE, 255)]
    if bytes_:
        return _one_of(table, bytes_)
    if len(rest) > 4:
        return None
    fractions = [c for c in threes if _are_fractions(table[:, c], alone)]
    if len(fractions) == 2 and not (table[:, rest[3]] == 1).all():
        remarks.append(
            f"columns {rest[0] + 1} to {rest[3] + 1} are all fractions, and which are colors cannot"
            " be told: name them in a header line"
        )
        return None
    wide = [c for c in threes if alone and _are_whole(table[:, c], 255, 65535)]
    return next(iter(fractions + wide), None)


def _one_of(table: Array, choices: Sequence[Triple]) -> Triple:
    """Choose between x y z intensity r g b and x y z r g b label, where both are possible."""
    first = choices[0]
    if len(choices) == 1 or choices[1][0] != first[0] + 1:
        return first
    before, after = table[:, first[0]], table[:, first[2] + 1]
    if (after == 255).all() and not (before == 255).all():
        return first  # r g b a
    kinds = [len(np.unique(table[:, i])) for i in (*first, first[2] + 1)]
    is_label = after.max() <= _MOST_LABEL < before.max() and kinds[3] < min(kinds[:3])
    return first if is_label else choices[1]


def _are_whole(values: Array, more_than: int, up_to: int) -> bool:
    known = _known(values)
    inside = len(known) and known.min() >= 0 and more_than < known.max() <= up_to
    return bool(inside and (known == known.round()).all())


def _are_fractions(values: Array, even_whole: bool) -> bool:
    known = _known(values)
    inside = len(known) and known.min() >= 0 and known.max() <= 1 and known.any()
    return bool(inside and (even_whole or (known != known.round()).any()))


def as_raw(columns: Sequence[Array], layout: Layout, labels: Sequence[str] | None = None) -> Raw:
    """Make points of W columns (N,), with a note of which are what, by labels or numbers from 1."""
    named, notes = labels or [str(i + 1) for i in range(len(columns))], tuple[str, ...]()
    if len(named) > 3 or (labels and [label.lower() for label in labels] != ["x", "y", "z"]):
        said = {"pos": "x y z", "normal": "normals", "color": "colors"}
        taken = {said[what]: " ".join(named[i] for i in t) for what, t in layout.items()}
        used = [i for triple in layout.values() for i in triple]
        left = [i for i in range(len(named)) if i not in used]
        unnamed = [named[i] or f"the one without a name ({i + 1})" for i in left]
        notes = (says_taken("columns", taken, unnamed),)
    return Raw(**_stacked(columns, layout), notes=notes)


def _stacked(columns: Sequence[Array], layout: Layout) -> dict[str, Any]:
    return {key: np.stack([columns[i] for i in t], axis=1) for key, t in layout.items()}


def says_taken(what: str, taken: Mapping[str, str], left: Sequence[str]) -> str:
    """Say which columns or arrays were taken for what, and which were not used."""
    said = [f"{kind} = {name}" for kind, name in taken.items()]
    if left:
        more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
        said.append(f"not used: {', '.join(left[:_MOST_NAMED])}{more}")
    return f"{what}: {', '.join(said)}"


def find_fields(fields: Mapping[str, Array]) -> dict[str, Any]:
    """Find ``pos``, ``normal`` and ``color``, (N, 3) each, among (N,) fields by their names."""
    # Each comes in the smallest type that holds the numbers of its three fields.
    return _stacked(list(fields.values()), find_names(list(fields)))


def in_type(values: Array, type: str) -> Array:
    """Give (N,) numbers from text the integer type that a header names, if it holds them all."""
    # A color of 1 is nearly black where it is a byte, and full where it is a fraction.
    if type[-2] not in "iu" or values.dtype.kind != "f":
        return values
    limits = np.iinfo(type)
    fits = ((values >= limits.min) & (values <= limits.max) & (values % 1 == 0)).all()
    return values.astype(type) if fits else values
