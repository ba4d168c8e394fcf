"""PLY meshes and clouds, text and binary; docs/files.md says why this reader exists."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.columns import find_fields, in_type
from pcea.formats.polygons import triangulate, unroll_strips
from pcea.formats.raw import Array, Raw, register_format
from pcea.formats.text import check_records, free_numbers, header_lines, read_bytes

_NAMES = "char uchar short ushort int uint float double float32 float64"
_TYPES = dict(zip(_NAMES.split(), "i1 u1 i2 u2 i4 u4 f4 f8 f4 f8".split(), strict=True))
_TYPES |= {
    f"{sign}int{8 * size}": f"{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4, 8)
}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


# The name in lower case, NumPy's type of the values, and that of the length of a list, or None.
_Property = tuple[str, str, str | None]
# The types of the values, and of the length of a list, or None.
_Kinds = tuple[np.dtype, np.dtype | None]
# The values of a property in all records, in one array, and the lengths of its lists, or None.
_Column = tuple[Array, Array | None]


@register_format("ply")
def read_ply(path: Path) -> Raw:
    """Read a PLY file: a mesh if it has ``face`` or ``tristrips``, else a cloud."""
    # Normals and colors are those of vertices; other elements are left out. In text, lines may
    # break anywhere, and names may be in capitals.
    data = read_bytes(path)
    order, elements, start, lines = _read_header(data)
    text, tables, begins = not order, dict[str, dict[str, _Column]](), [np.empty(0, np.int64)]
    if text:
        # Numbers of text are stored as doubles, to be read like a binary file.
        numbers, heads = free_numbers(data[start:].decode("ascii", "replace"), lines)
        data, start, order = numbers.tobytes(), 0, "="
    for name, length, properties in elements:
        if not properties:
            continue
        columns, start, begin = _read_element(data, start, order, name, length, properties)
        begins.append(begin)
        for (key, kind, _), (values, lengths) in zip(properties, columns, strict=True):
            typed = in_type(values, kind) if text and lengths is None else values
            tables.setdefault(name, {}).setdefault(key, (typed, lengths))
    more, unit = len(data[start:].strip()), "bytes"
    if text:
        more, unit = check_records(heads, lines, np.concatenate(begins) // 8, start // 8), "lines"
    notes = (f"{more} {unit} after the announced data were left out",) if more else ()
    vertex = tables.get("vertex", {})
    found = find_fields({name: v for name, (v, lengths) in vertex.items() if lengths is None})
    if not found:
        raise InputError("its vertices have no x, y and z")
    faces = [
        triangulate(*_lists(tables.get("face", {})), found["pos"]),
        unroll_strips(*_lists(tables.get("tristrips", {}))),
    ]
    return Raw(**found, faces=np.concatenate(faces), notes=notes)


def _read_header(data: bytes) -> tuple[str, list[tuple[str, int, list[_Property]]], int, int]:
    """Read the byte order, the elements, where the data begin, and the count of header lines."""
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


def _read_element(
    data: bytes, start: int, order: str, name: str, length: int, properties: list[_Property]
) -> tuple[list[_Column], int, Array]:
    """Read the columns of an element, where its data end, and (records,) where each one begins."""
    # In text, all numbers are doubles.
    kinds = [("f8", c and "f8") if order == "=" else (kind, c) for _, kind, c in properties]
    types = [(np.dtype(order + k), np.dtype(order + c) if c else None) for k, c in kinds]
    values = [[np.empty(0, kind)] for kind, _ in types]
    starts, sizes, runs, lengths = list[int](), list[int](), list[int](), list[list[int]]()
    at, left, most = start, length, 1
    while left:
        # Read this record, and all that follow with lists of the same lengths, in one step.
        end, counts = at, list[int]()
        for kind, count_kind in types:
            count = 1
            if count_kind:
                head, end = data[end : end + count_kind.itemsize], end + count_kind.itemsize
                number = np.frombuffer(head, count_kind)[0] if end <= len(data) else -1
                count = int(number) if number >= 0 and number % 1 == 0 else len(data)
            counts.append(count)
            end += count * kind.itemsize
        if end > len(data):
            raise InputError(
                f"it is truncated or damaged: it announces {length} of its element {name!r} and"
                f" ends after {length - left}"
            )
        record = _record(tuple(types), tuple(counts))
        whole = (len(data) - at) // record.itemsize
        records = np.frombuffer(data, record, min(most, left, whole), at)
        run = len(records)
        for place, (_, count_kind) in enumerate(types):
            if count_kind:
                others = np.flatnonzero(records[f"length {place}"][:run] != counts[place])
                run = int(others[0]) if len(others) else run
        for place in range(len(types)):
            values[place].append(records[f"value {place}"][:run].reshape(-1))
        starts.append(at)
        sizes.append(record.itemsize)
        runs.append(run)
        lengths.append(counts)
        at, left, most = at + run * record.itemsize, left - run, 8 * run
    num, first, size = (np.array(each, np.int64) for each in (runs, starts, sizes))
    table = np.repeat(np.array(lengths, np.int64).reshape(-1, len(types)), num, axis=0)
    columns = list[_Column]()
    for place, (kind, count_kind) in enumerate(types):
        column = np.concatenate(values[place]).astype(kind.newbyteorder("="))
        columns.append((column, table[:, place] if count_kind else None))
    within = np.arange(len(table)) - np.repeat(np.cumsum(num) - num, num)
    return columns, at, np.repeat(first, num) + np.repeat(size, num) * within


@lru_cache(256)
def _record(types: tuple[_Kinds, ...], counts: tuple[int, ...]) -> np.dtype:
    fields = list[tuple[str, np.dtype, tuple[int, ...]]]()
    for place, (kind, count_kind) in enumerate(types):
        if count_kind:
            fields.append((f"length {place}", count_kind, ()))
        fields.append((f"value {place}", kind, (counts[place],)))
    return np.dtype(fields)


def _lists(table: dict[str, _Column]) -> tuple[Array, Array]:
    """Return the lengths of the lists of vertices, and all lists in one array."""
    lists = {name: (counts, v) for name, (v, counts) in table.items() if counts is not None}
    named = [name for name in ("vertex_indices", "vertex_index") if name in lists]
    if not named and len(lists) != 1:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    counts, corners = lists[named[0]] if named else next(iter(lists.values()))
    if corners.dtype.kind == "f" and (corners % 1 != 0).any():
        raise InputError("a face has a vertex index that is no whole number")
    return counts, corners
