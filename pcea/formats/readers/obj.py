"""Wavefront OBJ: polygons, or bare vertices.

Read here, because trimesh counts an OBJ's relative indices from the end of the file, and splits and
reorders vertices along the seams of the texture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw
from pcea.formats.registry import register_format
from pcea.formats.text import number_rows, read_text


class _Lines:
    """The lines of one kind, without their keyword, and where they stand in the file."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.number: list[int] = []


@register_format("obj")
def read_obj(path: Path) -> Raw:
    """Read the vertices and polygons of an OBJ file; groups and materials are put together.

    Colors behind the positions (``v x y z r g b``) are read, of whichever range. A vertex gets the
    mean of the normals that its faces give it. Without faces it is a cloud of all vertices, whether
    lines and points refer to them or not.
    """
    kinds = {"v": _Lines(), "vn": _Lines(), "f": _Lines()}
    vertices, normals, polygons = kinds["v"], kinds["vn"], kinds["f"]
    known: list[tuple[int, int]] = []  # vertices and normals before each face: for what is relative
    for number, line in _whole_lines(read_text(path)):
        key, *rest = line.split(None, 1)
        if key in kinds:
            kinds[key].text.append(rest[0].partition("#")[0] if rest else "")
            kinds[key].number.append(number)
            if key == "f":
                known.append((len(vertices.text), len(normals.text)))
    if not vertices.text:
        raise InputError(f"{path}: it holds no vertices (no line starts with 'v')")

    pos, color, notes = _vertices(vertices, path)
    normal = number_rows(normals.text, normals.number, 3, path) if normals.text else None
    beside = normal if normal is not None and len(normal) == len(pos) else None
    if not polygons.text:
        return Raw(pos=pos, normal=beside, color=color, notes=notes)
    counts, corners, at_corners = _faces(polygons, known, path)
    if normal is not None and at_corners.any():
        beside = _at_vertices(normal, at_corners, corners, len(pos))
    if few := int((counts < 3).sum()):
        notes += (f"{few} of its {len(counts)} faces have fewer than 3 corners and were left out",)
    faces = triangulate(counts, corners, pos)
    return Raw(pos=pos, faces=faces, normal=beside, color=color, notes=notes)


def _whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Number the lines that hold something; a backslash at the end joins the next line to them."""
    begun, begun_at = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        # A comment goes on nowhere: it may end in the path of a folder on Windows.
        if line.endswith("\\") and not line.startswith("#"):
            begun, begun_at = f"{begun}{line[:-1]} ", begun_at or number
            continue
        line = begun + line
        if line:
            yield begun_at or number, line
        begun, begun_at = "", 0
    if begun:
        yield begun_at, begun


def _vertices(lines: _Lines, path: Path) -> tuple[Array, Array | None, tuple[str, ...]]:
    # x y z, then nothing, a weight, the colors that MeshLab and others write, or RGBA
    widths = Counter(len(line.split()) for line in lines.text)
    width = max(widths) if widths.keys() in ({6}, {7}) else 3
    table = number_rows(lines.text, lines.number, width, path)
    notes: tuple[str, ...] = ()
    colored = widths[6] + widths[7]
    if width == 3 and colored:  # Blender writes colors for those objects that have some
        notes = (
            f"{colored} of its {len(lines.text)} vertices have colors, not all of them alike;"
            " they were left out",
        )
    return table[:, :3], table[:, 3:] if width > 3 else None, notes


def _faces(lines: _Lines, known: list[tuple[int, int]], path: Path) -> tuple[Array, Array, Array]:
    """(P,) counts, and of each corner the vertex counted from 0 and the normal counted from 1."""
    counts, corners, normals = [], [], []
    for line, number in zip(lines.text, lines.number, strict=True):
        fields = line.split()
        try:
            indices = [int(field.partition("/")[0]) for field in fields]
            if "/" in line:
                parts = [field.split("/") for field in fields]
                normals += [int(part[2]) if len(part) > 2 and part[2] else 0 for part in parts]
            else:
                normals += [0] * len(fields)
        except ValueError:
            raise InputError(f"{path}, line {number}: {line[:40]!r} is not a face") from None
        if 0 in indices:
            what = "vertices are counted from 1, not 0"
            raise InputError(f"{path}, line {number}: {line[:40]!r} is not a face: {what}")
        counts.append(len(indices))
        corners += indices
    count = np.array(counts, np.int64)
    index, normal = np.array(corners, np.int64), np.array(normals, np.int64)
    before = np.repeat(np.array(known, np.int64), count, axis=0)  # (sum of counts, 2)
    index = np.where(index > 0, index - 1, before[:, 0] + index)
    return count, index, np.where(normal >= 0, normal, before[:, 1] + normal + 1)


def _at_vertices(normal: Array, at_corners: Array, corners: Array, num: int) -> Array:
    """(N, 3) means of the unit normals at the corners of each vertex; zero where there are none.

    Args:
        normal: (K, 3) the file's normals.
        at_corners: which of them each corner has, counted from 1; what refers to none is unknown.
        corners: which vertex each corner is.
        num: N, how many vertices there are.
    """
    known = (at_corners > 0) & (at_corners <= len(normal)) & (corners >= 0) & (corners < num)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    unit = np.where(np.isfinite(unit), unit, 0)[at_corners[known] - 1]
    sums = [np.bincount(corners[known], unit[:, axis], num) for axis in range(3)]
    total = np.stack(sums, axis=1)
    # What is left of normals that cancel is rounding, and no direction.
    return np.where(np.abs(total).max(1, keepdims=True) > 1e-6, total, 0)
