"""STL meshes, binary and text; docs/files.md says why this reader exists."""

import re
import struct
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Raw, register_format
from pcea.formats.text import decode, number_rows

_FACET = np.dtype([("normal", "<f4", 3), ("vertices", "<f4", (3, 3)), ("attribute", "<u2")])
_HEAD = 84  # a title of 80 bytes, which may start with "solid", and the number of facets
_WORDS = re.compile(r"\b(?=(?:facet|outer|vertex|endloop|endfacet|endsolid)\b)")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@register_format("stl")
def read_stl(path: Path) -> Raw:
    """Read an STL file; each facet keeps its own three corners."""
    # The file's normals are left out, as they follow from the corners, and so are colors, which
    # every program stores in its own way.
    data = path.read_bytes()
    # In a binary file, the number of facets has a zero byte, or it would be too large for memory.
    # Text has zero bytes only at its end, from some programs.
    wide = data.startswith(_UTF16)
    text = data if wide else data.rstrip(b"\0")
    if wide or b"\0" not in text:
        if b"vertex" in data.lower().replace(b"\0", b""):
            return _text(decode(text).lower())
        if data.lstrip()[:5].lower() == b"solid":
            raise InputError("it holds no facets")
    return _binary(data)


def _binary(data: bytes) -> Raw:
    if len(data) < _HEAD:
        raise InputError("it is no STL or truncated: it has no whole header")
    (count,) = struct.unpack_from("<I", data, _HEAD - 4)
    whole, rest = divmod(len(data) - _HEAD, _FACET.itemsize)
    notes: tuple[str, ...] = ()
    if not count and whole > 0 and not rest:  # from a program that did not know the number yet
        count, notes = whole, (f"its header counts no facets; the {whole} in the file were read",)
    size = _HEAD + count * _FACET.itemsize
    if len(data) < size:
        raise InputError(
            f"it is no STL or truncated: it announces {size} bytes and holds {len(data)}"
        )
    if not count:
        raise InputError("it holds no facets")
    if more := len(data) - size:
        notes = (f"{more} bytes after its {count} facets were left out",)
    pos = np.frombuffer(data, _FACET, count, _HEAD)["vertices"].reshape(-1, 3)
    return Raw(pos, faces=np.arange(3 * count).reshape(count, 3), notes=notes)


def _text(text: str) -> Raw:
    if not re.search(r"^\s*vertex\b", text, re.MULTILINE):
        text = _WORDS.sub("\n", text)  # the whole file is one line
    vertices = list[tuple[int, str]]()
    whole = inside = opened = 0  # vertices in whole facets, in this facet, and its line
    closed = False
    for number, line in enumerate(text.splitlines(), 1):
        key, *rest = line.split(None, 1) or [""]
        if key == "vertex":
            vertices.append((number, rest[0] if rest else ""))
            inside += 1
        elif key == "facet":
            opened, closed = number, False
        elif key == "endfacet":
            if inside != 3:
                what = f"this facet has {inside} vertices, not 3"
                raise InputError(f"line {opened or number}: {what}")
            whole, inside = whole + 3, 0
        elif key in ("endsolid", "end"):
            closed = True
    if not whole:
        raise InputError("it holds no whole facets")
    pos, faces = number_rows(vertices[:whole], 3), np.arange(whole).reshape(-1, 3)
    cut = f"it ends without 'endsolid', so it may be cut off; {len(faces)} whole facets were read"
    return Raw(pos, faces, notes=(cut,) if inside or not closed else ())
