"""PLY meshes and clouds: text and binary, of either byte order.

Read here, because trimesh refuses binary files that mix triangles and larger polygons (Blender's
own, for one) and drops the normals of a cloud.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array, Raw
from pcea.formats.rows import number_rows

_NAMES = {
    "b": ("char", "int8"),
    "B": ("uchar", "uint8"),
    "h": ("short", "int16"),
    "H": ("ushort", "uint16"),
    "i": ("int", "int32"),
    "I": ("uint", "uint32"),
    "q": ("int64",),
    "Q": ("uint64",),
    "f": ("float", "float32"),
    "d": ("double", "float64"),
}
_TYPES = {name: code for code, names in _NAMES.items() for name in names}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True)
class _Property:
    name: str
    type: str
    count: str | None = None  # the type of a list's length; None for a single value


@dataclass(frozen=True)
class _Element:
    name: str
    length: int
    properties: list[_Property] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        return any(p.count for p in self.properties)


@dataclass(frozen=True)
class _Column:
    """One property of every record: single values, or lists laid end to end."""

    values: Array
    type: str
    counts: Array | None = None


_Table = dict[str, _Column]


def read_ply(path: Path) -> Raw:
    """Read a PLY file; without faces it is a cloud, with its normals and colours if it has them."""
    data = path.read_bytes()
    order, elements, start = _header(data, path)
    if order:
        tables = _binary(data, start, order, elements, path)
    else:
        tables = _text(data, start, elements, path)
    vertex = tables.get("vertex", {})
    pos = _stack(vertex, ("x", "y", "z"))
    if pos is None:
        raise InputError(f"{path}: its vertices have no x, y and z")
    if "tristrips" in tables:
        raise InputError(f"{path}: triangle strips cannot be read: save it with plain faces")
    return Raw(
        pos=pos,
        faces=_faces(tables.get("face", {})),
        normal=_stack(vertex, ("nx", "ny", "nz")),
        color=_color(vertex),
    )


def _header(data: bytes, path: Path) -> tuple[str, list[_Element], int]:
    if not data.startswith(b"ply"):
        raise InputError(
            f"{path}: it does not start with 'ply', as a PLY file does: is it renamed?"
        )
    order: str | None = None
    elements: list[_Element] = []
    start = number = 0
    while (end := data.find(b"\n", start)) >= 0:
        words = data[start:end].decode("ascii", errors="replace").split()
        start, number = end + 1, number + 1
        try:
            match words:
                case ["format", name, *_]:
                    order = _ORDERS[name]
                case ["element", name, length]:
                    elements.append(_Element(name, int(length)))
                case ["property", "list", count, kind, name]:
                    elements[-1].properties.append(_Property(name, _TYPES[kind], _TYPES[count]))
                case ["property", kind, name]:
                    elements[-1].properties.append(_Property(name, _TYPES[kind]))
                case ["end_header"] if order is not None:
                    return order, elements, start
        except (KeyError, ValueError, IndexError):
            line = " ".join(words)[:60]
            raise InputError(f"{path}, line {number}: {line!r} is no line of a PLY") from None
    raise InputError(f"{path}: its header is truncated or has no format")


def _binary(
    data: bytes, start: int, order: str, elements: Sequence[_Element], path: Path
) -> dict[str, _Table]:
    tables: dict[str, _Table] = {}
    for element in elements:
        if not element.properties:
            continue
        read = _uniform(data, start, order, element) or _ragged(data, start, order, element, path)
        tables[element.name], start = read
    return tables


def _uniform(data: bytes, start: int, order: str, element: _Element) -> tuple[_Table, int] | None:
    """Read an element in one step, if all of its lists are as long as those of its first record."""
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    lengths: dict[str, int] = {}
    for p in element.properties:
        if p.count is None:
            fields.append((p.name, order + p.type))
            continue
        count = np.dtype([*fields, (f"{p.name} count", order + p.count)])
        if start + count.itemsize > len(data):
            return None
        lengths[p.name] = int(np.frombuffer(data, count, 1, start)[f"{p.name} count"][0])
        if not 0 <= lengths[p.name] <= len(data):
            return None
        fields.append((f"{p.name} count", order + p.count))
        fields.append((p.name, order + p.type, (lengths[p.name],)))
    record = np.dtype(fields)
    end = start + element.length * record.itemsize
    if end > len(data):
        return None
    table = np.frombuffer(data[start:end], record)
    if any((table[f"{name} count"] != length).any() for name, length in lengths.items()):
        return None
    columns = {}
    for p in element.properties:
        counts = np.full(element.length, lengths[p.name]) if p.count else None
        columns[p.name] = _Column(table[p.name].reshape(-1), p.type, counts)
    return columns, end


def _ragged(
    data: bytes, start: int, order: str, element: _Element, path: Path
) -> tuple[_Table, int]:
    """Read an element record by record."""
    values: dict[str, list[float]] = {p.name: [] for p in element.properties}
    counts: dict[str, list[int]] = {p.name: [] for p in element.properties if p.count}
    for done in range(element.length):
        try:
            for p in element.properties:
                count = 1
                if p.count:
                    (count,) = struct.unpack_from(order + p.count, data, start)
                    start += struct.calcsize(order + p.count)
                    counts[p.name].append(count)
                layout = f"{order}{count}{p.type}"
                values[p.name] += struct.unpack_from(layout, data, start)
                start += struct.calcsize(layout)
        except struct.error:
            raise _truncated(element, done, path) from None
    return _columns(element, values, counts), start


def _text(data: bytes, start: int, elements: Sequence[_Element], path: Path) -> dict[str, _Table]:
    first = data.count(b"\n", 0, start) + 1
    rows = data[start:].decode("ascii", errors="replace").splitlines()
    numbered = [(line, number) for number, line in enumerate(rows, first) if line.strip()]
    lines, line_of = [line for line, _ in numbered], [number for _, number in numbered]
    tables: dict[str, _Table] = {}
    done = 0
    for element in elements:
        here = slice(done, done + element.length)
        done += element.length
        if len(lines) < done:
            raise _truncated(element, len(lines[here]), path)
        if element.has_lists:
            tables[element.name] = _text_lists(element, lines[here], line_of[here], path)
        elif element.properties:
            table = number_rows(lines[here], line_of[here], len(element.properties), path)
            named = zip(element.properties, table.T, strict=True)
            tables[element.name] = {p.name: _Column(column, p.type) for p, column in named}
    return tables


def _text_lists(
    element: _Element, lines: Sequence[str], line_of: Sequence[int], path: Path
) -> _Table:
    values: dict[str, list[float]] = {p.name: [] for p in element.properties}
    counts: dict[str, list[int]] = {p.name: [] for p in element.properties if p.count}
    for line, number in zip(lines, line_of, strict=True):
        fields = iter(line.split())
        try:
            for p in element.properties:
                count = 1
                if p.count:
                    count = int(next(fields))
                    counts[p.name].append(count)
                values[p.name] += [float(next(fields)) for _ in range(count)]
        except (StopIteration, RuntimeError, ValueError):
            raise InputError(
                f"{path}, line {number}: {line[:40]!r} is no {element.name} as the header has it"
            ) from None
    return _columns(element, values, counts)


def _columns(
    element: _Element, values: dict[str, list[float]], counts: dict[str, list[int]]
) -> _Table:
    return {
        p.name: _Column(
            np.array(values[p.name]), p.type, np.array(counts[p.name]) if p.count else None
        )
        for p in element.properties
    }


def _truncated(element: _Element, done: int, path: Path) -> InputError:
    return InputError(
        f"{path}: it is truncated: it announces {element.length} of its element {element.name!r}"
        f" and ends after {done}"
    )


def _stack(table: _Table, names: Sequence[str]) -> Array | None:
    if not all(name in table for name in names):
        return None
    return np.stack([table[name].values for name in names], axis=1)  # (N, 3)


def _faces(table: _Table) -> Array | None:
    lists = [name for name, column in table.items() if column.counts is not None]
    named = [name for name in ("vertex_indices", "vertex_index") if name in lists]
    if not named and len(lists) != 1:
        return None
    column = table[(named or lists)[0]]
    assert column.counts is not None
    return triangulate(column.counts, column.values)


def _color(table: _Table) -> Array | None:
    for names in (("red", "green", "blue"), ("r", "g", "b")):
        color = _stack(table, names)
        if color is not None:
            whole = {"B": 255, "H": 65535}.get(table[names[0]].type, 1)
            return (np.nan_to_num(color / whole).clip(0, 1) * 255).round().astype(np.uint8)
    return None
