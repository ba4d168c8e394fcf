"""PCD clouds of the Point Cloud Library: text, binary and compressed.

Read here, because Open3D takes a truncated text file, a short row or binary doubles without a word
and fills in zeros, and knows names in small letters only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.columns import find_fields, in_type
from pcea.formats.raw import Array, Raw
from pcea.formats.registry import register_format
from pcea.formats.text import header_lines, number_rows, read_bytes


@dataclass(frozen=True)
class _Header:
    names: list[str]
    types: list[str]  # numpy's: "<f4"
    counts: list[int]
    points: int
    layout: str  # ascii, binary or binary_compressed
    start: int  # where the data begin
    lines: int  # how many lines stand before them

    @property
    def record(self) -> np.dtype[np.void]:
        # Padding fields share the name "_", so that fields are known by their place.
        fields = zip(self.types, self.counts, strict=True)
        return np.dtype([(str(i), type, (count,)) for i, (type, count) in enumerate(fields)])


@register_format("pcd")
def read_pcd(path: Path) -> Raw:
    """Read a PCD file, with its normals and colors if it has them.

    Names are read in capitals and small letters alike. Colors are ``red green blue``, or one field
    ``rgb`` or ``rgba`` whose 32 bits are 0xAARRGGBB. In text, PCL and Open3D parse such a field by
    its type, and so does this: of type U or I, 4210752 is the number 0x404040; of type F,
    4.2108e+06 is the float32 whose bits are the color, 0x8080E0.
    """
    data = read_bytes(path)
    header = _header(data, path)
    more = 0
    if header.layout == "ascii":
        columns, more = _text(data, header, path)
    else:
        columns = _binary(data, header, path)
    fields: dict[str, Array] = {}
    for name, type, column in zip(header.names, header.types, columns, strict=True):
        if name in ("rgb", "rgba") and column.shape[1] == 1:
            fields["rgb"] = _bits(column[:, 0], type)
        else:
            fields.setdefault(name, in_type(column[:, 0], type))
    pos, normal, color = find_fields(fields)
    if pos is None:
        raise InputError(f"{path}: its fields are {', '.join(header.names)}; x, y and z are needed")
    if color is None and "rgb" in fields:
        color = np.stack([fields["rgb"] >> shift & 255 for shift in (16, 8, 0)], axis=1)
        color = color.astype(np.uint8)
    notes = (f"it announces {header.points} points; {more} rows behind them were left out",)
    return Raw(pos=pos, normal=normal, color=color, notes=notes if more else ())


def _header(data: bytes, path: Path) -> _Header:
    words: dict[str, list[str]] = {}
    start = lines = 0
    for line, following in header_lines(data):
        key, *rest = line.split() or [""]
        words[key.upper()] = rest
        start, lines = following, lines + 1
        if key.upper() == "DATA":
            break
    try:
        # Before version .6 the fields were called columns.
        names = [name.lower() for name in words.get("FIELDS") or words["COLUMNS"]]
        sizes = words.get("SIZE", ["4"] * len(names))
        kinds = words.get("TYPE", ["F"] * len(names))
        types = [f"<{kind.lower()}{size}" for kind, size in zip(kinds, sizes, strict=True)]
        counts = [int(count) for count in words.get("COUNT", ["1"] * len(names))]
        points = int(words["POINTS"][0]) if "POINTS" in words else _area(words)
        header = _Header(names, types, counts, points, words["DATA"][0].lower(), start, lines)
        if not names or not len(names) == len(types) == len(counts) or min(counts) < 1:
            raise ValueError
        if points < 0 or any(type[1] not in "iuf" for type in types):
            raise ValueError
        header.record  # noqa: B018 -- numpy knows which types there are
    except (KeyError, IndexError, ValueError, TypeError):
        raise InputError(f"{path}: it has no PCD header that can be read: is it renamed?") from None
    if header.layout not in ("ascii", "binary", "binary_compressed"):
        raise InputError(f"{path}: its DATA is {header.layout[:40]!r}, which no PCD has")
    return header


def _area(words: dict[str, list[str]]) -> int:
    return int(words["WIDTH"][0]) * int(words["HEIGHT"][0])


def _text(data: bytes, header: _Header, path: Path) -> tuple[list[Array], int]:
    """The columns of the announced rows, and how many rows follow these."""
    rows = data[header.start :].decode("ascii", errors="replace").splitlines()
    numbered = [
        (line, number) for number, line in enumerate(rows, header.lines + 1) if line.strip()
    ]
    more = len(numbered) - header.points
    numbered = numbered[: header.points]
    if len(numbered) < header.points:
        raise _truncated(header.points, len(numbered), path)
    width = sum(header.counts)
    lines, line_of = [line for line, _ in numbered], [number for _, number in numbered]
    table = number_rows(lines, line_of, width, path)
    return np.split(table, np.cumsum(header.counts)[:-1], axis=1), more


def _binary(data: bytes, header: _Header, path: Path) -> list[Array]:
    record, points = header.record, header.points
    body = memoryview(data)[header.start :]
    if header.layout == "binary":
        if len(body) < points * record.itemsize:
            raise _truncated(points, len(body) // record.itemsize, path)
        table = np.frombuffer(body, record, points)
        return [table[str(i)] for i in range(len(header.names))]
    size = int.from_bytes(body[:4], "little")
    if len(body) < 8 or len(body) < 8 + size:
        raise InputError(f"{path}: it is truncated: its compressed data end too early")
    plain = _decompress(bytes(body[8 : 8 + size]))
    if len(plain) != points * record.itemsize:
        raise InputError(f"{path}: its compressed data are damaged")
    columns, start = [], 0
    for type, count in zip(header.types, header.counts, strict=True):  # field after field
        column = np.frombuffer(plain, type, points * count, start)
        columns.append(column.reshape(points, count))
        start += column.nbytes
    return columns


def _decompress(data: bytes) -> bytes:
    """Undo LZF; what is damaged comes out with another length than it should have."""
    out = bytearray()
    at, end = 0, len(data)
    while at < end:
        control = data[at]
        at += 1
        if control < 32:  # that many bytes, plus one, as they are
            out += data[at : at + control + 1]
            at += control + 1
            continue
        length, extra = control >> 5, 2 if control >> 5 == 7 else 1
        if at + extra > end:
            break
        if length == 7:
            length += data[at]
        back = ((control & 31) << 8) + data[at + extra - 1] + 1
        at += extra
        length += 2
        if back > len(out):
            break
        piece = out[-back:][:length]
        out += (piece * (length // len(piece) + 1))[:length]  # it may repeat what it just wrote
    return bytes(out)


def _bits(packed: Array, type: str) -> Array:
    """(N,) uint32 0xAARRGGBB; ``type`` is the field's own, of which text is only the digits."""
    if type == "<f4":
        return np.ascontiguousarray(packed.astype(np.float32)).view(np.uint32)
    whole = np.nan_to_num(packed, nan=0.0) if packed.dtype.kind == "f" else packed
    return (whole.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32)


def _truncated(points: int, found: int, path: Path) -> InputError:
    return InputError(f"{path}: it is truncated: it announces {points} points and holds {found}")
