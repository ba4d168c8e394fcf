"""OFF meshes; docs/files.md says why this reader exists."""

import re
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw, register_format
from pcea.formats.text import check_records, free_numbers, number_rows, numbered, read_text

# ModelNet has no space after the keyword: "OFF490 518 0". MeshLab writes "CSTOFF".
_KEYWORD = re.compile(r"\s*(?:(ST)?(C?N?|NC)(ST)?(4)?(n)?OFF|off)")


@register_format("off")
def read_off(path: Path) -> Raw:
    """Read an OFF file (also COFF, NOFF, CNOFF, STOFF, and without a space after the keyword)."""
    # A vertex has its position, normal, color and texture coordinates in this order, as the keyword
    # announces. A file with positions alone may have its line breaks anywhere. Colors of faces are
    # left out.
    with path.open("rb") as file:
        if re.match(rb"\s*\w*OFF\s+BINARY", file.read(64)):
            raise InputError("binary OFF cannot be read: save it as text, or as PLY")
    text = re.sub(r"#.*", "", read_text(path))
    keyword = _KEYWORD.match(text)
    if keyword is None:
        raise InputError("it does not start with 'OFF', as an OFF file does")
    before, more, after, four, any_size = keyword.groups()
    if four or any_size:
        raise InputError(f"{keyword[0]} has other than 3 dimensions; only 3 can be read")
    text = "\n" * keyword[0].count("\n") + text[keyword.end() :]
    has_normals, has_colors = "N" in (more or ""), "C" in (more or "")
    fixed = 3 + 3 * has_normals + 2 * bool(before or after)  # numbers per vertex, without its color
    lines = numbered(text)
    head = lines[0][1].split() if lines else []
    counted = len(head) >= 2 and all(count.isdecimal() for count in head[:2])
    num, num_faces = (int(count) for count in head[:2]) if counted else (0, 0)
    by_line = counted and len(head) <= 3 and len(lines) == 1 + num + num_faces
    if fixed == 3 and not has_colors and not by_line:
        free = _by_word(text, len(head))
        if free is not None:
            return free
    if not counted:
        raise InputError("the numbers of vertices and faces do not follow its 'OFF'")
    if len(lines) < (end := 1 + num + num_faces):
        raise InputError(
            f"it is truncated, or has not one line per vertex and face: {num} vertices and"
            f" {num_faces} faces are announced, but {len(lines) - 1} lines follow"
        )
    width = fixed + 4 * has_colors
    if width > 3:
        width = max(3, min([width, *(len(line.split()) for _, line in lines[1 : 1 + num])]))
    vertices = number_rows(lines[1 : 1 + num], width)
    pos = vertices[:, :3]
    color = vertices[:, fixed - 2 * bool(before or after) :][:, : width - fixed]
    counts, corners = _faces(lines[1 + num : end])
    return Raw(
        pos=pos,
        faces=triangulate(counts, corners, pos),
        normal=vertices[:, 3:6] if has_normals and width >= 6 else None,
        color=color if has_colors and color.shape[1] >= 3 else None,
    )


def _faces(lines: list[tuple[int, str]]) -> tuple[Array, Array]:
    """Read the number of corners of each face, and the corners of all faces in one array."""
    counts, corners = list[int](), list[int]()
    for number, line in lines:
        try:
            count, *indices = map(int, line.split()[: 1 + int(line.split()[0])])
        except ValueError:
            raise InputError(f"line {number}: {line[:40]!r} is not a face") from None
        if len(indices) != count:
            what = f"the face has {len(indices)} corners, not {count}"
            raise InputError(f"line {number}: {what}")
        counts.append(count)
        corners += indices
    return np.array(counts, np.int64), np.array(corners, np.int64)


def _by_word(text: str, head: int) -> Raw | None:
    """Read the numbers whatever the line breaks; None if their count does not fit."""
    # `head` is the count of numbers on the first line, where the number of edges may be missing.
    try:
        numbers, heads = free_numbers(text, 0)
    except InputError:
        return None
    if len(numbers) < 3 or (numbers[:2] < 0).any() or (numbers[:2] % 1).any():
        return None
    num, num_faces, at = int(numbers[0]), int(numbers[1]), head if head in (2, 3) else 3
    end = at + 3 * num
    begins, pieces = [*range(at, end, 3)], [numbers[:0]]
    for _ in range(num_faces):
        begins.append(end)
        count = numbers[end] if end < len(numbers) else -1
        if count < 0 or count % 1 or end + 1 + count > len(numbers):
            return None
        pieces.append(numbers[end + 1 : end + 1 + int(count)])
        end += 1 + int(count)
    corners = np.concatenate(pieces)
    if end != len(numbers) or (corners % 1).any():
        return None
    check_records(heads, 0, np.array(begins), end)
    pos = numbers[at : at + 3 * num].reshape(num, 3)
    counts = np.array([len(piece) for piece in pieces[1:]], np.int64)
    return Raw(pos=pos, faces=triangulate(counts, corners, pos))
