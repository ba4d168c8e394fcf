"""OFF meshes.

Read here, because trimesh takes a truncated file without a word and leaves its last faces out.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw
from pcea.formats.rows import number_rows, read_text

# In ModelNet the counts are glued to the keyword: "OFF490 518 0".
_KEYWORD = re.compile(r"(?:ST)?C?N?(4)?(n)?OFF|off")


def read_off(path: Path) -> Raw:
    """Read vertices and faces of an OFF file (also COFF, NOFF, CNOFF, STOFF, glued headers)."""
    lines, line_of = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        line = line.partition("#")[0].strip()
        if line:
            lines.append(line)
            line_of.append(number)
    keyword = _KEYWORD.match(lines[0]) if lines else None
    if keyword is None:
        raise InputError(f"{path}: it does not start with 'OFF', as an OFF file does")
    if any(keyword.groups()):
        raise InputError(f"{path}: {keyword[0]} has other than 3 dimensions; only 3 can be read")
    lines[0] = lines[0][keyword.end() :].strip()
    if not lines[0]:
        lines, line_of = lines[1:], line_of[1:]

    num_vertices, num_faces = _counts(lines, path)
    if len(lines) < 1 + num_vertices + num_faces:
        raise InputError(
            f"{path}: it is truncated: {num_vertices} vertices and {num_faces} faces are announced,"
            f" but {len(lines) - 1} lines follow"
        )
    vertices, rest = slice(1, 1 + num_vertices), slice(1 + num_vertices, None)
    pos = number_rows(lines[vertices], line_of[vertices], 3, path)
    faces = _faces(lines[rest][:num_faces], line_of[rest][:num_faces], path)
    return Raw(pos=pos, faces=faces)


def _counts(lines: list[str], path: Path) -> tuple[int, int]:
    counts = lines[0].split()[:2] if lines else []
    if len(counts) < 2 or not all(count.isdecimal() for count in counts):
        raise InputError(f"{path}: the numbers of vertices and faces do not follow its 'OFF'")
    return int(counts[0]), int(counts[1])


def _faces(lines: list[str], line_of: list[int], path: Path) -> Array:
    counts, corners = [], []
    for line, number in zip(lines, line_of, strict=True):
        fields = line.split()
        try:
            count = int(fields[0])
            indices = [int(field) for field in fields[1 : 1 + count]]
        except ValueError:
            raise InputError(f"{path}, line {number}: {line[:40]!r} is not a face") from None
        if len(indices) != count:
            raise InputError(
                f"{path}, line {number}: the face has {len(indices)} corners, not {count}"
            )
        counts.append(count)
        corners += indices
    return triangulate(np.array(counts, np.int64), np.array(corners, np.int64))
