"""PLY meshes and clouds, text and binary; docs/files.md says why they are read here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.columns import find_fields, in_type
from pcea.formats.polygons import triangulate, unroll_strips
from pcea.formats.raw import Array, Raw, register_format
from pcea.formats.text import free_numbers, header_lines, read_bytes

_NAMES = "char uchar short ushort int uint float double float32 float64"
_TYPES = dict(zip(_NAMES.split(), "i1 u1 i2 u2 i4 u4 f4 f8 f4 f8".split(), strict=True))
_TYPES |= {
    f"{sign}int{8 * size}": f"{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4, 8)
}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


# Its name in lower case, NumPy's type of its values, and of the length of a list: None without.
_Property = tuple[str, str, str | None]
# The values of a property of all records, and of lists, laid end to end, the lengths.
_Column = tuple[Array, Array | None]


@register_format("ply")
def read_ply(path: Path) -> Raw:
    """Read a PLY file: a mesh of ``face`` and ``tristrips``, or a cloud without either."""
    # Normals and colors are those of vertices; other elements are left alone. White space in text
    # may fall anywhere, and names may be in capitals.
    data = read_bytes(path)
    order, elements, start, lines = _read_header(data)
    text, tables, begins = not order, dict[str, dict[str, _Column]](), [np.empty(0, np.int64)]
    if text:
        # Numbers of text are laid out as if all of them were doubles.
        numbers, places = free_numbers(data[start:].decode("ascii", "replace"), lines)
        data, start, order = numbers.tobytes(), 0, "="
    for name, length, properties in elements:
        try:
            table, start, begin = _read_element(data, start, order, length, properties, text)
        except _TruncatedError as error:
            raise InputError(
                f"it is truncated or damaged: it announces {length} of its element"
                f" {name!r} and ends after {error}"
            ) from None
        tables.setdefault(name, table)
        begins.append(begin)
    more, unit = len(data[start:].strip()), "bytes"
    if text:
        more, unit = places.check(np.concatenate(begins) // 8, start // 8), "lines"
    notes = (f"{more} {unit} behind what its header announces were left out",) if more else ()
    vertex = tables.get("vertex", {})
    pos, normal, color = find_fields(
        {name: values for name, (values, lengths) in vertex.items() if lengths is None}
    )
    if pos is None:
        raise InputError("its vertices have no x, y and z")
    faces = [
        triangulate(*_lists(tables.get("face", {})), pos),
        unroll_strips(*_lists(tables.get("tristrips", {}))),
    ]
    return Raw(pos=pos, faces=np.concatenate(faces), normal=normal, color=color, notes=notes)


def _read_header(data: bytes) -> tuple[str, list[tuple[str, int, list[_Property]]], int, int]:
    """The byte order, the elements, where the data begin, and how many lines stand before them."""
    if data[:3].lower() != b"ply":
        raise InputError("it does not start with 'ply', as a PLY file does: is it renamed?")
    order, elements = None, list[tuple[str, int, list[_Property]]]()
    for number, (line, start) in enumerate(header_lines(data), 1):
        try:
            match line.lower().split():
                case ["format", name, *_]:
                    order = _ORDERS[name]
                case ["element", name, length] if length.isdecimal():
                    elements.append((name, int(length), []))
                case ["property", "list", count, kind, name]:
                    elements[-1][2].append((name, _TYPES[kind], _TYPES[count]))
                case ["property", kind, name]:
                    elements[-1][2].append((name, _TYPES[kind], None))
                case ["end_header"] if order is not None:
                    return order, elements, start, number
                case ["element", *_]:
                    raise ValueError
        except (KeyError, ValueError, IndexError):
            raise InputError(f"line {number}: {line[:60]!r} is no line of a PLY") from None
    raise InputError("its header is truncated or has no format")


class _TruncatedError(Exception):
    """An element ends after so many records."""


def _read_element(
    data: bytes, start: int, order: str, length: int, properties: list[_Property], text: bool
) -> tuple[dict[str, _Column], int, Array]:
    """The columns of an element, where its data end, and (records,) where each record begins."""
    types = [("f8", "f8") if text else (order + k, order + (c or "")) for _, k, c in properties]
    values = [[np.empty(0, kind)] for kind, _ in types]
    lengths = [[np.empty(0, np.int64)] for _ in types]
    begins, at, done, most = [np.empty(0, np.int64)], start, 0, 1
    while done < length and properties:
        # As many records as have lists of the same lengths as this one are read in one step.
        fields, end = list[tuple[str, str, tuple[int, ...]]](), at
        for place, (kind, count_kind) in enumerate(types):
            count = 1
            if properties[place][2]:
                fields.append((f"length {place}", count_kind, ()))
                size = np.dtype(count_kind).itemsize
                if end + size > len(data):
                    raise _TruncatedError(done)
                number = np.frombuffer(data, count_kind, 1, end)[0]
                count, end = int(number) if number >= 0 else len(data), end + size
            fields.append((str(place), kind, (count,)))
            end += count * np.dtype(kind).itemsize
        if end > len(data):
            raise _TruncatedError(done)
        record = np.dtype(fields)
        whole = (len(data) - at) // record.itemsize
        records = np.frombuffer(data, record, min(most, length - done, whole), at)
        alike = np.ones(len(records), bool)
        for name, *_ in fields:
            if name.startswith("length"):
                alike &= records[name] == records[name][0]
        run = len(records) if alike.all() else int(alike.argmin())
        for place in range(len(properties)):
            found = records[str(place)][:run]
            values[place].append(found.reshape(-1))
            lengths[place].append(np.full(run, found.shape[1]))
        begins.append(at + record.itemsize * np.arange(run))
        at, done, most = at + run * record.itemsize, done + run, 8 * run
    table: dict[str, _Column] = {}
    for place, (name, kind, count_kind) in enumerate(properties):
        column = np.concatenate(values[place])
        column = column.astype(column.dtype.newbyteorder("="))
        if count_kind:
            table.setdefault(name, (column, np.concatenate(lengths[place])))
        else:
            table.setdefault(name, (in_type(column, kind) if text else column, None))
    return table, at, np.concatenate(begins)


def _lists(table: dict[str, _Column]) -> tuple[Array, Array]:
    """The lengths of the lists of vertices, and the lists laid end to end."""
    lists = {name: (counts, v) for name, (v, counts) in table.items() if counts is not None}
    named = [name for name in ("vertex_indices", "vertex_index") if name in lists]
    if not named and len(lists) != 1:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    counts, corners = lists[named[0]] if named else next(iter(lists.values()))
    if corners.dtype.kind == "f" and (corners % 1 != 0).any():
        raise InputError("a face refers to a vertex by what is no whole number")
    return counts, corners
