"""Arrays that have names, as a cloud or a mesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pcea.errors import InputError
from pcea.formats.raw import Array, Raw
from pcea.formats.tables.arrays import points_of
from pcea.formats.tables.by_name import layout_by_name
from pcea.formats.tables.columns import as_raw, left_out
from pcea.formats.tables.faces import faces_of

# The first name that is there is taken; capitals count for nothing.
_POSITIONS = (
    "pos points xyz data pc vertices verts point_cloud pointcloud pts position positions coord"
    " coords coordinates cloud v p arr_0"
).split()
_FACES = "faces face triangles triangle tris tri f simplices".split()
_NORMALS = "normal normals vertex_normals vertex_normal n vn".split()
_COLORS = "color colors rgb colour colours vertex_colors vertex_color".split()


def named_points(arrays: Mapping[str, Array], path: Path) -> Raw:
    """Make a cloud or a mesh of named arrays.

    Args:
        arrays: what may be looked at, by name.
        path: the file, for the message.

    Returns:
        A mesh where there are faces, else a cloud.

    Raises:
        InputError: none, or more than one, can be the points, or the arrays do not fit together.
    """
    pos = _first(arrays, _POSITIONS)
    if pos is None:
        raw = _of_columns(arrays, path)
        if raw is not None:
            return raw
        pos = _only_points(arrays, path)
    raw = points_of(arrays[pos], path)
    used = {"positions": pos}
    faces = _first(arrays, _FACES)
    if faces is not None:
        index, notes = faces_of(arrays[faces], faces, raw.pos, path)
        raw = replace(raw, faces=index, notes=(*raw.notes, *notes))
        used["faces"] = faces
    for kind, names in (("normal", _NORMALS), ("color", _COLORS)):
        name = _first(arrays, names)
        if name is None:
            continue
        values = _at_points(arrays[name], raw, kind, path)
        if values is not None:
            raw = replace(raw, normal=values) if kind == "normal" else replace(raw, color=values)
            used[f"{kind}s"] = name
    left = [name for name in arrays if name not in used.values()]
    if not left and pos in ("pos", "points", "xyz", "vertices"):
        return raw
    said = [f"{kind} = {name}" for kind, name in used.items()]
    return replace(raw, notes=(f"arrays: {', '.join(said + left_out(left))}", *raw.notes))


def _first(arrays: Mapping[str, Array], names: Sequence[str]) -> str | None:
    known = {name.lower(): name for name in reversed(list(arrays))}
    there = (known[name] for name in names if name in known)
    # VTK's faces are laid end to end; everything else has a row a point or a face.
    return next((name for name in there if arrays[name].ndim > 1 or name.lower() == "faces"), None)


def _of_columns(arrays: Mapping[str, Array], path: Path) -> Raw | None:
    """Make points of x, y and z that are arrays of their own."""
    columns = {name: arrays[name] for name in arrays}
    columns = {name: each for name, each in columns.items() if each.ndim == 1}
    columns = {name: each for name, each in columns.items() if each.dtype.kind in "fiu"}
    names = list(columns)
    layout = layout_by_name(names, path)
    if layout is None:
        return None
    if len({len(columns[names[i]]) for i in layout.used}) > 1:
        raise InputError(f"{path}: its x, y and z differ in length")
    return as_raw([columns[name] for name in names], layout, names)


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
