"""PCD clouds of the Point Cloud Library: text, binary and compressed.

Read here, because Open3D takes a truncated text file, a short row or binary doubles without a word
and fills in zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array, Raw
from pcea.formats.rows import number_rows


@dataclass(frozen=True)
class _Header:
    names: list[str]
    types: list[str]  # numpy's: "<f4"
    counts: list[int]
    points: int
    layout: str  # ascii, binary or binary_compressed
    start: int  # where the data begin

    @property
    def record(self) -> np.dtype[np.void]:
        # Padding fields share the name "_", so that fields are known by their place.
        fields = zip(self.types, self.counts, strict=True)
        return np.dtype([(str(i), type, (count,)) for i, (type, count) in enumerate(fields)])


def read_pcd(path: Path) -> Raw:
    """Read a PCD file, with its normals and colours if it has them."""
    data = path.read_bytes()
    header = _header(data, path)
    columns = _text(data, header, path) if header.layout == "ascii" else _binary(data, header, path)
    fields = {name: column[:, 0] for name, column in zip(header.names, columns, strict=True)}
    xyz, normal = ("x", "y", "z"), ("normal_x", "normal_y", "normal_z")
    if not all(name in fields for name in xyz):
        raise InputError(f"{path}: its fields are {', '.join(header.names)}; x, y and z are needed")
    packed = fields.get("rgb", fields.get("rgba"))
    return Raw(
        pos=np.stack([fields[name] for name in xyz], axis=1),
        normal=(
            np.stack([fields[name] for name in normal], axis=1)
            if all(name in fields for name in normal)
            else None
        ),
        color=None if packed is None else _unpack(packed),
    )


def _header(data: bytes, path: Path) -> _Header:
    words: dict[str, list[str]] = {}
    start = 0
    while "DATA" not in words and (end := data.find(b"\n", start)) >= 0:
        key, *rest = data[start:end].decode("ascii", errors="replace").split() or [""]
        words[key] = rest
        start = end + 1
    try:
        names = words["FIELDS"]
        types = [
            f"<{kind.lower()}{size}"
            for kind, size in zip(words["TYPE"], words["SIZE"], strict=True)
        ]
        counts = [int(count) for count in words.get("COUNT", ["1"] * len(names))]
        points = int(words["POINTS"][0]) if "POINTS" in words else _area(words)
        header = _Header(names, types, counts, points, words["DATA"][0], start)
        if not names or not len(names) == len(types) == len(counts) or min(counts) < 1:
            raise ValueError
        header.record  # noqa: B018 -- numpy knows which types there are
    except (KeyError, IndexError, ValueError, TypeError):
        raise InputError(f"{path}: it has no PCD header that can be read: is it renamed?") from None
    if header.layout not in ("ascii", "binary", "binary_compressed"):
        raise InputError(f"{path}: its DATA is {header.layout[:40]!r}, which no PCD has")
    return header


def _area(words: dict[str, list[str]]) -> int:
    return int(words["WIDTH"][0]) * int(words["HEIGHT"][0])


def _text(data: bytes, header: _Header, path: Path) -> list[Array]:
    first = data.count(b"\n", 0, header.start) + 1
    rows = data[header.start :].decode("ascii", errors="replace").splitlines()
    numbered = [(line, number) for number, line in enumerate(rows, first) if line.strip()]
    numbered = numbered[: header.points]
    if len(numbered) < header.points:
        raise _truncated(header.points, len(numbered), path)
    width = sum(header.counts)
    lines, line_of = [line for line, _ in numbered], [number for _, number in numbered]
    table = number_rows(lines, line_of, width, path)
    columns = np.split(table, np.cumsum(header.counts)[:-1], axis=1)
    # Only floats take their own type, which a packed colour needs: NaN would be lost in integers.
    return [
        column.astype(type) if "f" in type else column
        for column, type in zip(columns, header.types, strict=True)
    ]


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


def _unpack(packed: Array) -> Array:
    # 0x00RRGGBB, whose bits PCL also keeps in a float
    bits = np.ascontiguousarray(packed)
    bits = bits.view(np.uint32) if bits.dtype == np.float32 else bits.astype(np.uint32)
    return np.stack([(bits >> shift) & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)


def _truncated(points: int, found: int, path: Path) -> InputError:
    return InputError(f"{path}: it is truncated: it announces {points} points and holds {found}")
