"""NPY and NPZ: NumPy's own files, read without unpickling anything."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.columns import (
    MOST_COLUMNS,
    as_raw,
    layout_by_name,
    layout_by_value,
    layout_note,
)
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw, register_format

# The first of these names that is in the file is taken, in capital or small letters.
_POSITIONS = (
    "pos points xyz data pc vertices verts point_cloud pointcloud pts position positions coord"
    " coords coordinates cloud v p arr_0"
)
_FACES = "faces face triangles triangle tris tri f simplices"
_NORMALS = "normal normals vertex_normals vertex_normal n vn"
_COLORS = "color colors rgb colour colours vertex_colors vertex_color"


@register_format("npy")
def read_npy(path: Path) -> Raw:
    """Read an array of (N, 3 or more) numbers, or records with fields x, y and z."""
    with _opened(path, b"\x93NUMPY") as array:
        if array.dtype.names is None:
            return _points(array)
        rows = array.ravel()
        return _named({name: rows[name] for name in array.dtype.names})


@register_format("npz")
def read_npz(path: Path) -> Raw:
    """Read positions, and faces, normals and colors where there are some, by the arrays' names."""
    # Positions may also be the only array that can be points, or arrays x, y and z. Faces are
    # (F, 3 or 4), (3, F) as in PyTorch Geometric, or one list as in VTK.
    with _opened(path, b"PK") as archive:
        return _named(archive)


@contextmanager
def _opened(path: Path, start: bytes) -> Iterator[Any]:
    with path.open("rb") as file:
        # NumPy takes a file with any other beginning for a pickle, and suggests to allow it.
        if file.read(len(start)) != start:
            raise InputError(f"it is no {path.suffix} file: is it renamed?")
        file.seek(0)
        yield np.load(file, allow_pickle=False)


def _named(arrays: Mapping[str, Array]) -> Raw:
    """Make a mesh of named arrays if there are faces, else a cloud."""
    pos = _first(arrays, _POSITIONS)
    if pos is None:
        columns = {k: v for k, v in arrays.items() if v.ndim == 1 and v.dtype.kind in "fiu"}
        layout = layout_by_name(list(columns))
        if layout:
            lengths = [len(column) for column in columns.values()]
            if len({lengths[i] for triple in layout.values() for i in triple}) > 1:
                raise InputError("its x, y and z differ in length")
            return as_raw(list(columns.values()), layout, list(columns))
        triples = {k: v for k, v in arrays.items() if v.ndim == 2 and v.shape[1] == 3}
        candidates = [name for name, array in triples.items() if array.dtype.kind == "f"]
        if len(candidates) != 1:
            found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())[:200]
            what = f"it holds {found or 'nothing'}"
            named = "its points should be named pos, points, xyz or vertices"
            raise InputError(f"{what}; {named}")
        pos = candidates[0]
    raw, used = _points(arrays[pos]), {"positions": pos}
    if faces := _first(arrays, _FACES):
        raw = replace(raw, faces=_triangles(arrays[faces], faces, raw.pos))
        used["faces"] = faces
    for kind, names in (("normal", _NORMALS), ("color", _COLORS)):
        name = _first(arrays, names)
        values = None if name is None else _at_points(arrays[name], raw, kind)
        if name is not None and values is not None:
            raw = replace(raw, normal=values) if kind == "normal" else replace(raw, color=values)
            used[f"{kind}s"] = name
    unused = [name for name in arrays if name not in used.values()]
    if not unused and pos in ("pos", "points", "xyz", "vertices"):
        return raw
    return replace(raw, notes=(layout_note("arrays", used, unused), *raw.notes))


def _first(arrays: Mapping[str, Array], names: str) -> str | None:
    known = {name.lower(): name for name in reversed(list(arrays))}
    there = (known[name] for name in names.split() if name in known)
    # VTK's faces are one list; every other array has one row per point or face.
    return next((name for name in there if arrays[name].ndim > 1 or name.lower() == "faces"), None)


def _points(array: Array) -> Raw:
    """Make points of an (N, 3 or more) array; one that can only be (3, N) is transposed."""
    shape, notes = array.shape, tuple[str, ...]()
    if array.dtype.kind not in "fiu":
        raise InputError(f"it holds {array.dtype}; real numbers are needed")
    if array.ndim == 3 and 1 in shape:
        array = array.squeeze(axis=shape.index(1))
    if array.ndim == 3 and array.shape[2] == 3:
        raise InputError(f"its array has shape {shape}: save one cloud of (N, 3) per file")
    if array.ndim != 2 or array.shape[1] < 3:
        raise InputError(f"its array has shape {shape}; (N, 3) or (N, 6) is needed")
    num, width = array.shape
    if num == 3 and width > MOST_COLUMNS:  # with fewer columns, it may be 3 points
        array, notes = array.T, (f"its array is (3, {width}): taken for {width} points",)
    elif num in (3, 6) and num < width:
        raise InputError(
            f"its array has shape {shape}, which may be {num} points or (3, N): transpose"
            " it to one row per point, or name what is in it"
        )
    layout, remarks = layout_by_value(array)
    raw = as_raw(list(array.T), layout)
    return replace(raw, notes=(*raw.notes, *remarks, *notes))


def _at_points(values: Array, raw: Raw, what: str) -> Array | None:
    """Return the values of each point, or None if there is one value per face."""
    if values.shape[::-1] == raw.pos.shape and len(raw.pos) > 4:
        values = values.T
    if raw.faces is not None and len(values) == len(raw.faces) != len(raw.pos):
        return None
    if values.ndim != 2 or len(values) != len(raw.pos) or values.shape[1] not in (3, 4):
        raise InputError(f"its {what} has shape {values.shape}, not {raw.pos.shape}")
    if values.dtype.kind not in "fiu":
        raise InputError(f"its {what} holds {values.dtype}; real numbers are needed")
    return values[:, :3]


def _triangles(index: Array, name: str, pos: Array) -> Array | None:
    """Convert an array of polygons to (F, 3) vertex indices; None if it is empty."""
    if index.dtype.kind not in "iuf" or (index % 1 != 0).any():
        raise InputError(f"its {name} holds {index.dtype}; whole numbers are needed")
    if not index.size:
        return None
    index, shape = index.astype(np.int64), index.shape
    if index.ndim == 1:  # one list: each face follows its number of corners
        starts, at = list[int](), 0
        while at < len(index) and index[at] > 0:
            starts.append(at)
            at += int(index[at]) + 1
        if at != len(index):
            raise InputError(f"its {name} is no list of faces, each after its corner count")
        return triangulate(index[starts], np.delete(index, starts), pos)
    of_geometric = name.lower() == "face" and shape[0] == 3
    if index.ndim == 2 and (of_geometric or shape[1] not in (3, 4)):
        index = index.T
    if index.ndim != 2 or index.shape[1] not in (3, 4):
        needed = "(F, 3), (3, F) or (F, 4) is needed"
        raise InputError(f"its {name} has shape {shape}; {needed}")
    if index.shape[1] == 3:
        return index
    if len(index) > 1 and (index[:, 0] == 3).all():
        return index[:, 1:]  # VTK's faces begin with their number of corners
    return triangulate((index >= 0).sum(1), index[index >= 0], pos)
