"""Wavefront OBJ: polygons, or bare vertices; docs/files.md says why it is read here."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw, register_format
from pcea.formats.text import number_rows, read_text


@register_format("obj")
def read_obj(path: Path) -> Raw:
    """Read the vertices and polygons of an OBJ file; without faces, a cloud of all vertices."""
    # Groups and materials are joined. Colors after the positions may have any range. A vertex gets
    # the mean of the normals at its corners.
    # A backslash joins the next line, except in comments, which may end in a Windows path.
    text = re.sub(r"(?m)^[ \t]*#.*$", "", read_text(path))
    if "\\" in text:
        text = re.sub(r"(?:[^\n]*\\[ \t]*\n)+[^\n]*", _joined, text)
    rows: dict[str, list[tuple[int, str]]] = {"v": [], "vn": [], "f": []}
    known: list[tuple[int, int]] = []  # vertices and normals before each face, for relative indices
    for number, line in enumerate(text.split("\n"), 1):
        key, *rest = line.split(None, 1) or [""]
        if key in rows:
            rows[key].append((number, rest[0].partition("#")[0] if rest else ""))
            if key == "f":
                known.append((len(rows["v"]), len(rows["vn"])))
    if not rows["v"]:
        raise InputError("it holds no vertices (no line starts with 'v')")

    # x y z, then nothing, a weight, the colors that MeshLab and others write, or RGBA
    widths, notes = Counter(len(line.split()) for _, line in rows["v"]), list[str]()
    width = max(widths) if widths.keys() in ({6}, {7}) else 3
    table = number_rows(rows["v"], width)
    pos, color = table[:, :3], table[:, 3:] if width > 3 else None
    if color is None and (colored := widths[6] + widths[7]):  # Blender writes such files
        what = "have colors, not all in the same form; they were left out"
        notes.append(f"{colored} of its {len(pos)} vertices {what}")
    normal = number_rows(rows["vn"], 3)
    beside = normal if len(normal) == len(pos) else None
    if not rows["f"]:
        return Raw(pos, normal=beside, color=color, notes=tuple(notes))
    counts, corners, at_corners = _faces(rows["f"], known)
    if len(normal) and at_corners.any():
        beside = _at_vertices(normal, at_corners, corners, len(pos))
    if few := int((counts < 3).sum()):
        what = "have fewer than 3 corners and were left out"
        notes.append(f"{few} of its {len(counts)} faces {what}")
    return Raw(pos, triangulate(counts, corners, pos), beside, color, tuple(notes))


def _joined(lines: re.Match[str]) -> str:
    """Join continued lines; blank lines keep the numbers of the lines below."""
    return re.sub(r"\\[ \t]*\n", " ", lines[0]) + "\n" * lines[0].count("\n")


def _faces(
    lines: list[tuple[int, str]], known: list[tuple[int, int]]
) -> tuple[Array, Array, Array]:
    """Read (P,) counts, and for each corner the vertex from 0 and the normal from 1."""
    counts, corners, normals = [], [], []
    for number, line in lines:
        fields = line.split()
        wrong = f"line {number}: {line[:40]!r} is not a face"
        try:
            indices = [int(field.partition("/")[0]) for field in fields]
            parts = [field.split("/") for field in fields] if "/" in line else [[]] * len(fields)
            normals += [int(part[2]) if len(part) > 2 and part[2] else 0 for part in parts]
        except ValueError:
            raise InputError(wrong) from None
        if 0 in indices:
            raise InputError(f"{wrong}: vertices are counted from 1, not 0")
        counts.append(len(indices))
        corners += indices
    count = np.array(counts, np.int64)
    index, normal = np.array(corners, np.int64), np.array(normals, np.int64)
    before = np.repeat(np.array(known, np.int64), count, axis=0)  # (sum of counts, 2)
    index = np.where(index > 0, index - 1, before[:, 0] + index)
    return count, index, np.where(normal >= 0, normal, before[:, 1] + normal + 1)


def _at_vertices(normal: Array, at_corners: Array, corners: Array, num: int) -> Array:
    """Average the unit normals at the corners of each vertex, (N, 3); zero if there are none."""
    # `at_corners` has the index of each corner's normal among the (K, 3) normals, counted from 1;
    # other indices mean that there is none.
    known = (at_corners > 0) & (at_corners <= len(normal)) & (corners >= 0) & (corners < num)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    unit = np.where(np.isfinite(unit), unit, 0)[at_corners[known] - 1]
    total = np.stack([np.bincount(corners[known], unit[:, i], num) for i in range(3)], axis=1)
    # A tiny sum of normals that cancel is a rounding error and has no direction.
    return np.where(np.abs(total).max(1, keepdims=True) > 1e-6, total, 0)
