"""OFF meshes.

Read here, because trimesh takes a truncated file without a word and leaves its last faces out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw
from pcea.formats.registry import register_format
from pcea.formats.text import all_numbers, fits_lines, number_rows, read_text

# In ModelNet the counts are glued to the keyword: "OFF490 518 0". MeshLab writes "CSTOFF".
_KEYWORD = re.compile(r"(ST)?(C?N?|NC)(ST)?(4)?(n)?OFF|off")
_BINARY = re.compile(rb"\s*\w*OFF\s+BINARY")


@dataclass(frozen=True)
class _Lines:
    """The lines that hold something, without comments, and where they stand in the file."""

    text: list[str]
    number: list[int]


@dataclass(frozen=True)
class _Content:
    """What a file holds: (N, 3 or more) numbers of the vertices, and polygons laid end to end."""

    vertices: Array
    counts: Array
    corners: Array


@register_format("off")
def read_off(path: Path) -> Raw:
    """Read an OFF file (also COFF, NOFF, CNOFF, STOFF and glued headers).

    Normals and colors of vertices are read where the keyword announces them, in the order of the
    format: position, normal, color, texture. Colors of faces are left alone.
    """
    with path.open("rb") as file:
        if _BINARY.match(file.read(64)):
            raise InputError(f"{path}: binary OFF cannot be read: save it as text, or as PLY")
    lines = _lines(read_text(path))
    keyword = _KEYWORD.match(lines.text[0]) if lines.text else None
    if keyword is None:
        raise InputError(f"{path}: it does not start with 'OFF', as an OFF file does")
    before, more, after, four, any_size = keyword.groups()
    texture = before or after
    if four or any_size:
        raise InputError(f"{path}: {keyword[0]} has other than 3 dimensions; only 3 can be read")
    lines.text[0] = lines.text[0][keyword.end() :].strip()
    if not lines.text[0]:
        del lines.text[0], lines.number[0]
    has_normals, has_colors = "N" in (more or ""), "C" in (more or "")
    fixed = 3 + 3 * has_normals + 2 * bool(texture)  # numbers a vertex, but for its color
    try:
        content = _by_line(lines, fixed + 4 * has_colors, path)
    except InputError:
        found = _by_word(lines, [fixed + 4, fixed + 3, fixed] if has_colors else [fixed])
        if found is None:
            raise
        content = found
    width = content.vertices.shape[1]
    at = 3 + 3 * has_normals
    color = content.vertices[:, at : at + width - fixed]
    return Raw(
        pos=content.vertices[:, :3],
        faces=triangulate(content.counts, content.corners, content.vertices[:, :3]),
        normal=content.vertices[:, 3:6] if has_normals and width >= 6 else None,
        color=color if has_colors and color.shape[1] >= 3 else None,
    )


def _lines(text: str) -> _Lines:
    found = _Lines([], [])
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if line:
            found.text.append(line)
            found.number.append(number)
    return found


def _by_line(lines: _Lines, most: int, path: Path) -> _Content:
    """Read a vertex or a face a line, as everybody writes them, and leave the rest of it alone.

    Args:
        lines: all of the file but its keyword.
        most: how many numbers of a vertex are of use; those that are there are taken.
        path: the file, for the message.
    """
    head = lines.text[0].split() if lines.text else []
    if len(head) < 2 or not all(count.isdecimal() for count in head[:2]):
        raise InputError(f"{path}: the numbers of vertices and faces do not follow its 'OFF'")
    num, end = int(head[0]), 1 + int(head[0]) + int(head[1])
    if len(lines.text) < end:
        raise InputError(
            f"{path}: it is truncated: {num} vertices and {head[1]} faces are announced,"
            f" but {len(lines.text) - 1} lines follow"
        )
    text, number = lines.text[1 : 1 + num], lines.number[1 : 1 + num]
    width = 3 if most == 3 else min([most, *(len(line.split()) for line in text)])
    counts, corners = _faces(lines.text[1 + num : end], lines.number[1 + num : end], path)
    return _Content(number_rows(text, number, max(width, 3), path), counts, corners)


def _faces(lines: list[str], line_of: list[int], path: Path) -> tuple[Array, Array]:
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
    return np.array(counts, np.int64), np.array(corners, np.int64)


def _by_word(lines: _Lines, widths: list[int]) -> _Content | None:
    """Take the numbers one after the other; white space may fall anywhere.

    Nothing but the ends of lines tells how many numbers the colors of vertices and faces have, and
    whether the number of edges is there: what uses up all of the numbers is right.

    Args:
        lines: all of the file but its keyword.
        widths: how many numbers a vertex may have.

    Returns:
        None where nothing comes out even.
    """
    numbers = all_numbers(lines.text)
    if numbers is None or len(numbers) < 2 or not all(map(_is_count, numbers[:2])):
        return None
    num, num_faces = int(numbers[0]), int(numbers[1])
    first = len(lines.text[0].split())
    alone = first in (2, 3)  # whether the counts have a line of their own
    for head in [first] if alone else [3, 2]:
        for width in widths:
            end = head + num * width
            if end > len(numbers):
                continue
            for extra in (0, 3, 4, 1) if num_faces else (0,):
                walked = _walk(numbers[end:], num_faces, extra, num)
                if walked is None:
                    continue
                counts, corners, begins = walked
                begins = np.concatenate((head + width * np.arange(num), end + begins))
                if not alone or fits_lines(lines.text[1:], begins - head):
                    return _Content(numbers[head:end].reshape(num, width), counts, corners)
    return None


def _walk(numbers: Array, num: int, extra: int, vertices: int) -> tuple[Array, Array, Array] | None:
    """Read faces that are followed by ``extra`` numbers each, if that uses up all numbers.

    Returns:
        Their numbers of corners, the corners laid end to end, and where each face begins.
    """
    begins: list[int] = []
    pieces: list[Array] = []
    at = 0
    for _ in range(num):
        if at >= len(numbers) or not _is_count(numbers[at]):
            return None
        end = at + 1 + int(numbers[at])
        if end + extra > len(numbers):
            return None
        begins.append(at)
        pieces.append(numbers[at + 1 : end])
        at = end + extra
    corners = np.concatenate([np.empty(0), *pieces])
    known = (corners % 1 == 0) & (corners >= 0) & (corners < vertices)
    if at != len(numbers) or not known.all():
        return None
    counts = np.array([len(piece) for piece in pieces], np.int64)
    return counts, corners.astype(np.int64), np.array(begins, np.int64)


def _is_count(number: float) -> bool:
    return number >= 0 and float(number).is_integer()
