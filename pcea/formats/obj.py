"""Wavefront OBJ: polygons, or bare vertices.

Read here, because trimesh counts an OBJ's relative indices from the end of the file, and splits and
reorders vertices along the seams of the texture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw
from pcea.formats.rows import number_rows, read_text


class _Lines:
    """The lines of one kind, without their keyword, and where they stand in the file."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.number: list[int] = []


def read_obj(path: Path) -> Raw:
    """Read the vertices and polygons of an OBJ file; groups and materials are put together."""
    kinds = {"v": _Lines(), "vn": _Lines(), "f": _Lines()}
    vertices, polygons = kinds["v"], kinds["f"]
    known: list[int] = []  # how many vertices stand before each face: relative indices need it
    for number, line in enumerate(read_text(path).replace("\\\n", " ").splitlines(), 1):
        key, _, rest = line.strip().partition(" ")
        if key not in kinds:
            key, _, rest = line.strip().partition("\t")
        if key in kinds:
            kinds[key].text.append(rest.partition("#")[0])
            kinds[key].number.append(number)
            if key == "f":
                known.append(len(vertices.text))
    if not vertices.text:
        raise InputError(f"{path}: it holds no vertices (no line starts with 'v')")

    pos = number_rows(vertices.text, vertices.number, 3, path)
    if polygons.text:
        return Raw(pos=pos, faces=_faces(polygons, known, path))
    return Raw(pos=pos, normal=_normals(kinds["vn"], len(pos), path), color=_colors(vertices, path))


def _faces(lines: _Lines, known: list[int], path: Path) -> Array:
    counts, corners = [], []
    for line, number in zip(lines.text, lines.number, strict=True):
        try:
            indices = [int(field.partition("/")[0]) for field in line.split()]
        except ValueError:
            raise InputError(f"{path}, line {number}: {line[:40]!r} is not a face") from None
        if len(indices) < 3 or 0 in indices:
            what = "vertices are counted from 1, not 0" if 0 in indices else "it needs 3 corners"
            raise InputError(f"{path}, line {number}: {line[:40]!r} is not a face: {what}")
        counts.append(len(indices))
        corners += indices
    index = np.array(corners, np.int64)
    before = np.repeat(np.array(known, np.int64), counts)
    index = np.where(index > 0, index - 1, before + index)
    return triangulate(np.array(counts, np.int64), index)


def _normals(lines: _Lines, num: int, path: Path) -> Array | None:
    return number_rows(lines.text, lines.number, 3, path) if len(lines.text) == num else None


def _colors(lines: _Lines, path: Path) -> Array | None:
    # "v x y z r g b", 0 to 1: an extension that MeshLab and others write
    if any(len(line.split()) != 6 for line in lines.text):
        return None
    color = number_rows(lines.text, lines.number, 6, path)[:, 3:]
    if not ((color >= 0) & (color <= 1)).all():
        return None
    return (color * 255).round().astype(np.uint8)
