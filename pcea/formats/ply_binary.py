"""The data of a binary PLY file, of either byte order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pcea.formats.ply_header import Element, Header
from pcea.formats.ply_table import Column, Table, truncated
from pcea.formats.raw import Array


def binary_tables(data: bytes, header: Header, path: Path) -> tuple[dict[str, Table], int]:
    """Read all elements.

    Args:
        data: the file.
        header: what it announces.
        path: its name, for the message.

    Returns:
        The table of each element by its name, and how many bytes stand behind all that the header
        announces.

    Raises:
        InputError: the file is truncated.
    """
    tables: dict[str, Table] = {}
    start = header.start
    for element in header.elements:
        if not element.properties:
            continue
        read = _uniform(data, start, header.order, element)
        table, start = read or _ragged(data, start, header.order, element, path)
        tables.setdefault(element.name, table)
    return tables, len(data[start:].strip())


def _uniform(data: bytes, start: int, order: str, element: Element) -> tuple[Table, int] | None:
    """Read an element in one step, if all of its lists are as long as those of its first record."""
    # Fields are known by their place: nothing forbids two properties of one name.
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    lengths: dict[int, int] = {}
    for place, p in enumerate(element.properties):
        if p.count is None:
            fields.append((str(place), order + p.type))
            continue
        count = np.dtype([*fields, ("count", order + p.count)])
        if start + count.itemsize > len(data):
            return None
        length = np.frombuffer(data, count, 1, start)["count"][0]
        if not 0 <= length <= len(data):
            return None
        lengths[place] = int(length)
        fields.append((f"{place} count", order + p.count))
        fields.append((str(place), order + p.type, (lengths[place],)))
    record = np.dtype(fields)
    end = start + element.length * record.itemsize
    if end > len(data):
        return None
    records = np.frombuffer(data[start:end], record)
    if any((records[f"{place} count"] != length).any() for place, length in lengths.items()):
        return None
    table: Table = {}
    for place, p in enumerate(element.properties):
        counts = np.full(element.length, lengths[place]) if p.count else None
        table.setdefault(p.name, Column(_native(records[str(place)].reshape(-1)), counts))
    return table, end


def _ragged(data: bytes, start: int, order: str, element: Element, path: Path) -> tuple[Table, int]:
    """Read an element record by record."""
    kinds = [
        (np.dtype(order + (p.count or "u1")), np.dtype(order + p.type)) for p in element.properties
    ]
    pieces: list[list[Array]] = [[] for _ in element.properties]
    for done in range(element.length):
        for p, (count_type, type), found in zip(element.properties, kinds, pieces, strict=True):
            count = 1
            if p.count:
                if start + count_type.itemsize > len(data):
                    raise truncated(element, done, path)
                count = int(np.frombuffer(data, count_type, 1, start)[0])
                start += count_type.itemsize
            if not 0 <= count <= (len(data) - start) // type.itemsize:
                raise truncated(element, done, path)
            found.append(np.frombuffer(data, type, count, start))
            start += count * type.itemsize
    table: Table = {}
    for p, (_, type), found in zip(element.properties, kinds, pieces, strict=True):
        values = np.concatenate(found) if found else np.empty(0, type)
        counts = np.array([len(piece) for piece in found], np.int64) if p.count else None
        table.setdefault(p.name, Column(_native(values), counts))
    return table, start


def _native(values: Array) -> Array:
    return values.astype(values.dtype.newbyteorder("="))
