"""NPY and NPZ: NumPy's own files, read without ever running what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.columns import MOST_COLUMNS, as_raw, layout_by_name, layout_by_value, says_taken
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw, register_format

# The first name that is there is taken; capitals count for nothing.
_POSITIONS = (
    "pos points xyz data pc vertices verts point_cloud pointcloud pts position positions coord"
    " coords coordinates cloud v p arr_0"
).split()
_FACES = "faces face triangles triangle tris tri f simplices".split()
_NORMALS = "normal normals vertex_normals vertex_normal n vn".split()
_COLORS = "color colors rgb colour colours vertex_colors vertex_color".split()


@register_format("npy")
def read_npy(path: Path) -> Raw:
    """Read an array of (N, 3 or more) numbers, or records with fields x, y and z."""
    with _opened(path, b"\x93NUMPY") as array:
        if array.dtype.names is None:
            return _points(array, path)
        rows = array.ravel()
        return _named({name: rows[name] for name in array.dtype.names}, path)


@register_format("npz")
def read_npz(path: Path) -> Raw:
    """Read positions, and faces, normals and colors where there are some, by the arrays' names."""
    # Positions may also be the one array that can only be points, or arrays x, y and z. Faces are
    # (F, 3 or 4), (3, F) as in PyTorch Geometric, or laid end to end as in VTK.
    with _opened(path, b"PK") as archive:
        return _named(archive, path)


@contextmanager
def _opened(path: Path, start: bytes) -> Iterator[Any]:
    with path.open("rb") as file:
        # What has another start, numpy takes for a pickle, and proposes to trust it.
        if file.read(len(start)) != start:
            raise InputError(f"{path}: it is no {path.suffix} file: is it renamed?")
        file.seek(0)
        yield np.load(file, allow_pickle=False)


def _named(arrays: Mapping[str, Array], path: Path) -> Raw:
    """Make a cloud, or a mesh where there are faces, of named arrays."""
    pos = _first(arrays, _POSITIONS)
    if pos is None:
        flat = {name: arrays[name] for name in arrays if arrays[name].ndim == 1}
        columns = {name: each for name, each in flat.items() if each.dtype.kind in "fiu"}
        names = list(columns)
        layout = layout_by_name(names, path)
        if layout is not None:
            if len({len(columns[names[i]]) for i in layout.used}) > 1:
                raise InputError(f"{path}: its x, y and z differ in length")
            return as_raw(list(columns.values()), layout, names)
        pos = _only_points(arrays, path)
    raw, used = _points(arrays[pos], path), {"positions": pos}
    if faces := _first(arrays, _FACES):
        raw = replace(raw, faces=_triangles(arrays[faces], faces, raw.pos, path))
        used["faces"] = faces
    for kind, names in (("normal", _NORMALS), ("color", _COLORS)):
        name = _first(arrays, names)
        values = None if name is None else _at_points(arrays[name], raw, kind, path)
        if name is not None and values is not None:
            raw = replace(raw, normal=values) if kind == "normal" else replace(raw, color=values)
            used[f"{kind}s"] = name
    left = [name for name in arrays if name not in used.values()]
    if not left and pos in ("pos", "points", "xyz", "vertices"):
        return raw
    return replace(raw, notes=(says_taken("arrays", used, left), *raw.notes))


def _first(arrays: Mapping[str, Array], names: Sequence[str]) -> str | None:
    known = {name.lower(): name for name in reversed(list(arrays))}
    there = (known[name] for name in names if name in known)
    # VTK's faces are laid end to end; everything else has a row a point or a face.
    return next((name for name in there if arrays[name].ndim > 1 or name.lower() == "faces"), None)


def _only_points(arrays: Mapping[str, Array], path: Path) -> str:
    shapes = {name: arrays[name].shape for name in arrays}
    could_be = [
        name
        for name, shape in shapes.items()
        if len(shape) == 2 and shape[1] == 3 and arrays[name].dtype.kind == "f"
    ]
    if len(could_be) != 1:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())[:200] or "nothing"
        raise InputError(
            f"{path}: it holds {found}; its points should be named pos, points, xyz or vertices"
        )
    return could_be[0]


def _at_points(values: Array, raw: Raw, what: str, path: Path) -> Array | None:
    """Take values of each point; None if they are those of each face."""
    if values.shape[::-1] == raw.pos.shape and len(raw.pos) > 4:
        values = values.T
    if raw.faces is not None and len(values) == len(raw.faces) != len(raw.pos):
        return None
    if values.ndim != 2 or len(values) != len(raw.pos) or values.shape[1] not in (3, 4):
        raise InputError(f"{path}: its {what} has shape {values.shape}, not {raw.pos.shape}")
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: its {what} holds {values.dtype}; real numbers are needed")
    return values[:, :3]


def _triangles(index: Array, name: str, pos: Array, path: Path) -> Array | None:
    """(F, 3) vertex indices of an array of polygons; None where it holds none."""
    if index.dtype.kind not in "iuf" or (index % 1 != 0).any():
        raise InputError(f"{path}: its {name} holds {index.dtype}; whole numbers are needed")
    if not index.size:
        return None
    index, shape = index.astype(np.int64), index.shape
    if index.ndim == 1:  # laid end to end, each face after its number of corners
        starts, at = list[int](), 0
        while at < len(index) and index[at] > 0:
            starts.append(at)
            at += int(index[at]) + 1
        if at != len(index):
            raise InputError(f"{path}: its {name} is no list of faces, each after its corner count")
        return triangulate(index[starts], np.delete(index, starts), pos)
    if index.ndim == 2 and shape[0] in (3, 4):
        of_geometric = name.lower() == "face" and shape[0] == 3 and shape[1] in (3, 4)
        if shape[1] not in (3, 4) or of_geometric:
            index = index.T
    if index.ndim != 2 or index.shape[1] not in (3, 4):
        raise InputError(
            f"{path}: its {name} has shape {shape}; (F, 3), (3, F) or (F, 4) is needed"
        )
    if index.shape[1] == 4 and len(index) > 1 and (index[:, 0] == 3).all():
        index = index[:, 1:]  # VTK's rows begin with the number of corners
    there = (index >= 0) if index.shape[1] == 4 else np.ones(index.shape, bool)
    return triangulate(there.sum(1), index[there], pos)


def _points(array: Array, path: Path) -> Raw:
    """Make points of an (N, 3 or more) array; (3, N) is transposed where it can be nothing else."""
    shape, notes = array.shape, tuple[str, ...]()
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: it holds {array.dtype}; real numbers are needed")
    if array.ndim == 3 and 1 in shape:
        array = array.squeeze(axis=shape.index(1))
    if array.ndim == 3 and array.shape[2] == 3:
        raise InputError(f"{path}: its array has shape {shape}: save one cloud of (N, 3) a file")
    if array.ndim != 2 or array.shape[1] < 3:
        raise InputError(f"{path}: its array has shape {shape}; (N, 3) or (N, 6) is needed")
    rows, columns = array.shape
    if rows == 3 and columns > MOST_COLUMNS:  # three rows may be points up to this many columns
        array, notes = array.T, (f"its array is (3, {columns}): taken for {columns} points",)
    elif rows in (3, 6) and rows < columns:
        raise InputError(
            f"{path}: its array has shape {shape}, which may be {rows} points or (3, N): transpose"
            " it to one row per point, or name what is in it"
        )
    raw = as_raw(list(array.T), layout_by_value(array, path))
    return replace(raw, notes=(*raw.notes, *notes))
