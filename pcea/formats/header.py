"""The text that stands before the data of a PLY or PCD file."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from pcea.formats.rows import read_text

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_bytes(path: Path) -> bytes:
    """Read a file; one that is marked as text of another encoding comes as UTF-8, unmarked."""
    data = path.read_bytes()
    return read_text(path).encode() if data.startswith(_MARKS) else data


def header_lines(data: bytes) -> Iterator[tuple[str, int]]:
    r"""Go through the lines of a header that binary data may follow.

    The first line shows how all of them end: by ``\r`` alone as on old Macs, else by ``\n``,
    before which a ``\r`` may stand. A ``\r`` or ``\n`` that follows the header is data.

    Args:
        data: the file.

    Yields:
        Each line without white space around it, and where the next one starts.
    """
    end = min((at for at in (data.find(b"\r"), data.find(b"\n")) if at >= 0), default=-1)
    alone = end >= 0 and data[end : end + 1] == b"\r" and data[end + 1 : end + 2] != b"\n"
    mark, start = b"\r" if alone else b"\n", 0
    while (end := data.find(mark, start)) >= 0:
        line = data[start:end].decode("ascii", errors="replace").strip()
        start = end + 1
        yield line, start
