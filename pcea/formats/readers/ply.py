"""PLY meshes and clouds: text and binary, of either byte order.

Read here, because trimesh refuses binary files that mix triangles and larger polygons (Blender's
own, for one) and drops the normals of a cloud.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.fields import find, in_type
from pcea.formats.ply_binary import binary_tables
from pcea.formats.ply_header import read_header
from pcea.formats.ply_table import Column, Table
from pcea.formats.ply_text import text_tables
from pcea.formats.polygons import triangulate, unroll_strips
from pcea.formats.raw import Array, Raw
from pcea.formats.registry import register_format
from pcea.formats.text import read_bytes


@register_format("ply")
def read_ply(path: Path) -> Raw:
    """Read a PLY file, with the normals and colors of its vertices if it has them.

    Names are read in capitals and small letters alike. Faces are the element ``face``, and the
    strips of the element ``tristrips``; without either it is a cloud. What stands at faces and in
    other elements is left alone.
    """
    data = read_bytes(path)
    header = read_header(data, path)
    tables, more = (binary_tables if header.order else text_tables)(data, header, path)
    unit = "bytes" if header.order else "lines"
    notes = (f"{more} {unit} behind what its header announces were left out",) if more else ()
    types = {p.name: p.type for e in header.elements if e.name == "vertex" for p in e.properties}
    vertex = {
        name: in_type(column.values, types[name])
        for name, column in tables.get("vertex", {}).items()
        if column.counts is None
    }
    pos, normal, color = find(vertex)
    if pos is None:
        raise InputError(f"{path}: its vertices have no x, y and z")
    faces = [
        triangulate(*_lists(tables.get("face", {}), path), pos),
        unroll_strips(*_lists(tables.get("tristrips", {}), path)),
    ]
    return Raw(pos=pos, faces=np.concatenate(faces), normal=normal, color=color, notes=notes)


def _lists(table: Table, path: Path) -> tuple[Array, Array]:
    """The lengths of the lists of vertices, and the lists laid end to end."""
    lists = {name: column for name, column in table.items() if column.counts is not None}
    named = [name for name in ("vertex_indices", "vertex_index") if name in lists]
    if not named and len(lists) != 1:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    column: Column = lists[named[0]] if named else next(iter(lists.values()))
    assert column.counts is not None
    if column.values.dtype.kind == "f" and (column.values % 1 != 0).any():
        raise InputError(f"{path}: a face refers to a vertex by what is no whole number")
    return column.counts, column.values
