"""PLY meshes and clouds, text and binary; docs/files.md says why they are read here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.columns import find_fields, in_type
from pcea.formats.polygons import triangulate, unroll_strips
from pcea.formats.raw import Array, Raw
from pcea.formats.registry import register_format
from pcea.formats.text import free_numbers, header_lines, read_bytes

_TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    **{f"int{8 * size}": f"i{size}" for size in (1, 2, 4, 8)},
    **{f"uint{8 * size}": f"u{size}" for size in (1, 2, 4, 8)},
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True)
class _Property:
    """Its name in lower case, NumPy's type, and the type of a list's length: None without."""

    name: str
    type: str
    count: str | None = None


@dataclass(frozen=True)
class _Element:
    name: str
    length: int
    properties: list[_Property] = field(default_factory=list)


@dataclass(frozen=True)
class _Column:
    """One property of every record: single values, or lists laid end to end and their lengths."""

    values: Array
    counts: Array | None = None


_Table = dict[str, _Column]


@register_format("ply")
def read_ply(path: Path) -> Raw:
    """Read a PLY file: a mesh of ``face`` and ``tristrips``, or a cloud without either."""
    # Normals and colors are those of vertices; other elements are left alone. White space in text
    # may fall anywhere, and names may be in capitals.
    data = read_bytes(path)
    order, elements, start, lines = _read_header(data, path)
    text, tables, begins = not order, dict[str, _Table](), list[Array]()
    if text:
        # Numbers of text are laid out as if all of them were doubles.
        numbers, places = free_numbers(data[start:].decode("ascii", "replace"), lines, path)
        data, start, order = numbers.tobytes(), 0, "="
    for element in elements:
        if element.properties:
            table, start, begin = _read_table(data, start, order, element, path, text)
            tables.setdefault(element.name, table)
            begins.append(begin)
    more, unit = len(data[start:].strip()), "bytes"
    if text:
        more, unit = (
            places.check(np.concatenate([np.empty(0, np.int64), *begins]) // 8, start // 8, path),
            "lines",
        )
    notes = (f"{more} {unit} behind what its header announces were left out",) if more else ()
    types = {p.name: p.type for e in elements if e.name == "vertex" for p in e.properties}
    vertex = {
        name: in_type(column.values, types[name]) if text else column.values
        for name, column in tables.get("vertex", {}).items()
        if column.counts is None
    }
    pos, normal, color = find_fields(vertex)
    if pos is None:
        raise InputError(f"{path}: its vertices have no x, y and z")
    faces = [
        triangulate(*_lists(tables.get("face", {}), path), pos),
        unroll_strips(*_lists(tables.get("tristrips", {}), path)),
    ]
    return Raw(pos=pos, faces=np.concatenate(faces), normal=normal, color=color, notes=notes)


def _read_header(data: bytes, path: Path) -> tuple[str, list[_Element], int, int]:
    """The byte order, the elements, where the data begin, and how many lines stand before them."""
    if data[:3].lower() != b"ply":
        raise InputError(
            f"{path}: it does not start with 'ply', as a PLY file does: is it renamed?"
        )
    order, elements = None, list[_Element]()
    for number, (line, start) in enumerate(header_lines(data), 1):
        try:
            match line.lower().split():
                case ["format", name, *_]:
                    order = _ORDERS[name]
                case ["element", name, length]:
                    if not length.isdecimal():
                        raise ValueError
                    elements.append(_Element(name, int(length)))
                case ["property", "list", count, kind, name]:
                    elements[-1].properties.append(_Property(name, _TYPES[kind], _TYPES[count]))
                case ["property", kind, name]:
                    elements[-1].properties.append(_Property(name, _TYPES[kind]))
                case ["end_header"] if order is not None:
                    return order, elements, start, number
        except (KeyError, ValueError, IndexError):
            raise InputError(f"{path}, line {number}: {line[:60]!r} is no line of a PLY") from None
    raise InputError(f"{path}: its header is truncated or has no format")


def _read_table(
    data: bytes, start: int, order: str, element: _Element, path: Path, text: bool
) -> tuple[_Table, int, Array]:
    """The data of an element, where they end, and (records,) where each record begins."""
    # Fields are known by their place: nothing forbids two properties of one name.
    kinds = [
        (np.dtype("f8" if text else order + p.type), np.dtype("f8" if text else order + count))
        for p in element.properties
        for count in [p.count or "u1"]
    ]
    found: list[list[Array]] = [[] for _ in kinds]
    counts: list[list[int]] = [[] for _ in kinds]
    begins, length, at = list[int](), element.length, start
    for done in range(length):
        begins.append(at)
        for place, (kind, count_kind) in enumerate(kinds):
            count = 1
            if element.properties[place].count:
                if at + count_kind.itemsize > len(data):
                    raise _truncated(element, done, path)
                number = np.frombuffer(data, count_kind, 1, at)[0]
                count, at = int(number) if number == number else -1, at + count_kind.itemsize
            if not 0 <= count <= (len(data) - at) // kind.itemsize:
                raise _truncated(element, done, path)
            found[place].append(np.frombuffer(data, kind, count, at))
            counts[place].append(count)
            at += count * kind.itemsize
        if done == 0 and (same := _uniform(data, start, element, kinds, [c[0] for c in counts])):
            return same
    table: _Table = {}
    for place, p in enumerate(element.properties):
        values = np.concatenate(found[place]) if length else np.empty(0, kinds[place][0])
        lengths = np.array(counts[place], np.int64) if p.count else None
        table.setdefault(p.name, _Column(values.astype(values.dtype.newbyteorder("=")), lengths))
    return table, at, np.array(begins, np.int64)


def _uniform(
    data: bytes,
    start: int,
    element: _Element,
    kinds: list[tuple[np.dtype, np.dtype]],
    counts: list[int],
) -> tuple[_Table, int, Array] | None:
    """Read an element in one step, if all of its lists are as long as those of its first record."""
    fields: list[tuple[str, np.dtype] | tuple[str, np.dtype, tuple[int]]] = []
    for place, (p, (kind, count_kind)) in enumerate(zip(element.properties, kinds, strict=True)):
        if p.count:
            fields.append((f"count {place}", count_kind))
        fields.append((str(place), kind, (counts[place],)))
    record = np.dtype(fields)
    end = start + element.length * record.itemsize
    if end > len(data):
        return None
    records = np.frombuffer(data, record, element.length, start)
    table: _Table = {}
    for place, p in enumerate(element.properties):
        if p.count and (records[f"count {place}"] != counts[place]).any():
            return None
        values = records[str(place)].reshape(-1)
        lengths = np.full(element.length, counts[place]) if p.count else None
        table.setdefault(p.name, _Column(values.astype(values.dtype.newbyteorder("=")), lengths))
    return table, end, start + record.itemsize * np.arange(element.length)


def _truncated(element: _Element, done: int, path: Path) -> InputError:
    return InputError(
        f"{path}: it is truncated or damaged: it announces {element.length} of its element"
        f" {element.name!r} and ends after {done}"
    )


def _lists(table: _Table, path: Path) -> tuple[Array, Array]:
    """The lengths of the lists of vertices, and the lists laid end to end."""
    lists = {name: column for name, column in table.items() if column.counts is not None}
    named = [name for name in ("vertex_indices", "vertex_index") if name in lists]
    if not named and len(lists) != 1:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    column = lists[named[0]] if named else next(iter(lists.values()))
    assert column.counts is not None
    if column.values.dtype.kind == "f" and (column.values % 1 != 0).any():
        raise InputError(f"{path}: a face refers to a vertex by what is no whole number")
    return column.counts, column.values
