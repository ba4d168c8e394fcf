"""Find positions, normals and colors among the columns of a table, by names or by values."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array, Raw

Triple = tuple[int, int, int]
# The columns, counted from 0, of "pos", "normal" and "color", as far as a table has them.
Layout = dict[str, Triple]

# Names are compared in small letters, without units in brackets, and only by letters and digits:
# "pos_x", "Pos X [m]" and "pos.x" are all posx; ParaView's "Points:0" is points0.
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
# How programs name unnamed columns: R's V1, MATLAB's Var1, pandas' numbers.
_NO_NAME = re.compile(r"(v|var|x|c|col|column|f|field|feature|dim|attr|data|unnamed)?\d*")

_Names = tuple[str, str, str]


def _spellings(words: str, *axes: Sequence[str]) -> list[_Names]:
    """Combine every word with each axis, and with 0, 1, 2."""
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

_MOST_NAMED = 6  # columns that a note lists
MOST_COLUMNS = 16  # a table with more columns has features
_LENGTH_SLACK = 0.02  # normals of two decimals are off by up to 0.009
_MOST_CODE = 18  # classes of LAS and numbers of returns go up to here, colors beyond it
_MOST_LABEL = 63
_FEWEST_COUNTED = 4  # a shorter column of 0, 1, 2 may be x


def layout_by_name(names: Sequence[str]) -> Layout:
    """Find positions, normals and colors among the (W,) names; empty if no name is a position."""
    if layout := find_names(names):
        return layout
    plain = [_plain(name) for name in names]
    if len(_DEGREES & set(plain)) >= 2:
        raise InputError(
            "its columns are longitude and latitude: degrees are no lengths;"
            " project them to a map first"
        )
    if found := [name for name, word in zip(names, plain, strict=True) if word in _AXES]:
        raise InputError(f"of x, y and z its header names only {' '.join(found)}: name all three")
    return {}


def find_names(names: Sequence[str]) -> Layout:
    """Do the same as :func:`layout_by_name`, but never raise an error."""
    plain, layout = [_plain(name) for name in names], Layout()
    for kind, choices in _NAMED.items():
        for x, y, z in (each for each in choices if {*each} <= {*plain}):
            layout.setdefault(kind, (plain.index(x), plain.index(y), plain.index(z)))
    return layout if "pos" in layout else {}


def are_placeholders(names: Sequence[str]) -> bool:
    """Tell whether all names were made up by a program for unnamed columns, such as V1, V2."""
    return all(_NO_NAME.fullmatch(_plain(name)) for name in names)


def _plain(name: str) -> str:
    without_unit = re.sub(r"(?<=\w)\s*[\(\[].*?[\)\]]", "", name)
    return "".join(letter for letter in without_unit.lower() if letter.isalnum())


def layout_by_value(table: Array, ending: str = "") -> tuple[Layout, list[str]]:
    """Find positions, normals and colors by the (N, W) numbers, by the rules of docs/files.md.

    Returns remarks on the decision, too. The ending of a file may tell what follows x y z.
    """
    width = table.shape[1]
    if width < 3:
        raise InputError(f"it has {width} columns; at least 3 (x y z) are needed")
    if width > MOST_COLUMNS:
        raise InputError(
            f"it has {width} columns and no names, so x, y and z are unknown: name them in a header"
            " line, or keep the first 3"
        )
    layout, remarks, start = Layout(pos=(0, 1, 2)), list[str](), 0
    if ending in (".xyzn", ".xyzrgb"):
        if width >= 6:
            layout["normal" if ending == ".xyzn" else "color"] = (3, 4, 5)
        return layout, remarks
    others = _finite(table[:, 1:4])
    enough = width > 3 and len(table) >= _FEWEST_COUNTED and len(others) > 1
    if enough and counts_rows(table[:, 0]) and np.ptp(others, axis=0).any():
        layout["pos"], start = (1, 2, 3), 1
        remarks.append("its first column counts the rows: it is an index, and not a coordinate")
    rest = [*range(start + 3, width)]
    for normal in [c for c in _neighbors(rest) if are_normals(table[:, c])][:1]:
        layout["normal"] = normal
        rest = [i for i in rest if i not in normal]
    if color := _find_colors(table, rest, remarks):
        layout["color"] = color
    return layout, remarks


def are_normals(values: Array) -> bool:
    """Tell whether all vectors (N, 3) have length 1, or 0 for an unknown normal."""
    length = np.linalg.norm(_finite(values), axis=1)
    unit = np.abs(length - 1) <= _LENGTH_SLACK
    return bool(unit.any() and (unit | (length == 0)).all())


def counts_rows(column: Array) -> bool:
    """Tell whether (N,) numbers are 0, 1, 2 … or 1, 2, 3 …."""
    from_0 = column - np.arange(len(column))
    return bool((from_0 == 0).all() or (from_0 == 1).all())


def _neighbors(columns: Sequence[int]) -> list[Triple]:
    """List all triples of adjacent columns."""
    return [(i, i + 1, i + 2) for i in columns if i + 1 in columns and i + 2 in columns]


def _finite(values: Array) -> Array:
    """Select the rows of (N, C) that are finite, as float64."""
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
            f"columns {rest[0] + 1} to {rest[3] + 1} are all fractions, so the colors are unknown:"
            " name them in a header line"
        )
        return None
    wide = [c for c in threes if alone and _are_whole(table[:, c], 255, 65535)]
    return next(iter(fractions + wide), None)


def _one_of(table: Array, choices: Sequence[Triple]) -> Triple:
    """Choose between x y z intensity r g b and x y z r g b label, if both are possible."""
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
    known = _finite(values)
    inside = len(known) and known.min() >= 0 and more_than < known.max() <= up_to
    return bool(inside and (known == known.round()).all())


def _are_fractions(values: Array, even_whole: bool) -> bool:
    known = _finite(values)
    inside = len(known) and known.min() >= 0 and known.max() <= 1 and known.any()
    return bool(inside and (even_whole or (known != known.round()).any()))


def as_raw(columns: Sequence[Array], layout: Layout, labels: Sequence[str] | None = None) -> Raw:
    """Make points of W columns (N,), with a note on the layout, by labels or numbers from 1."""
    named, notes = labels or [str(i + 1) for i in range(len(columns))], tuple[str, ...]()
    if len(named) > 3 or (labels and [label.lower() for label in labels] != ["x", "y", "z"]):
        words = {"pos": "x y z", "normal": "normals", "color": "colors"}
        used_as = {words[kind]: " ".join(named[i] for i in t) for kind, t in layout.items()}
        used = [i for triple in layout.values() for i in triple]
        unused = [i for i in range(len(named)) if i not in used]
        unused_names = [named[i] or f"the one without a name ({i + 1})" for i in unused]
        notes = (layout_note("columns", used_as, unused_names),)
    return Raw(**_stacked(columns, layout), notes=notes)


def _stacked(columns: Sequence[Array], layout: Layout) -> dict[str, Any]:
    return {key: np.stack([columns[i] for i in t], axis=1) for key, t in layout.items()}


def layout_note(what: str, used_as: Mapping[str, str], unused: Sequence[str]) -> str:
    """Write the note on the use of each column or array, and on those that were not used."""
    words = [f"{kind} = {name}" for kind, name in used_as.items()]
    if unused:
        more = f" and {len(unused) - _MOST_NAMED} more" if len(unused) > _MOST_NAMED else ""
        words.append(f"not used: {', '.join(unused[:_MOST_NAMED])}{more}")
    return f"{what}: {', '.join(words)}"


def find_fields(fields: Mapping[str, Array]) -> dict[str, Any]:
    """Find ``pos``, ``normal`` and ``color``, (N, 3) each, among (N,) fields by their names."""
    # Each gets the smallest type that holds the numbers of its three fields.
    return _stacked(list(fields.values()), find_names(list(fields)))


def in_type(values: Array, type: str) -> Array:
    """Convert (N,) numbers from text to the integer type of the header, if it holds them."""
    # A color of 1 is nearly black as a byte, but at its full value as a fraction.
    if type[-2] not in "iu" or values.dtype.kind != "f":
        return values
    limits = np.iinfo(type)
    fits = ((values >= limits.min) & (values <= limits.max) & (values % 1 == 0)).all()
    return values.astype(type) if fits else values
