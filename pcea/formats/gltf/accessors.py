"""Accessors: typed numbers in the bytes of a buffer, whole or sparse, normalized or not."""

from __future__ import annotations

import numpy as np

from pcea.formats.gltf.container import Document
from pcea.formats.gltf.tree import Entry
from pcea.formats.raw import Array

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
# An accessor without data is zeros, of any count at all. No file means more of them than this.
_MOST_ZEROS = 20_000_000


def read_reals(
    document: Document, accessor: Entry, types: tuple[str, ...], normalized: bool = False
) -> Array:
    """Read real numbers.

    Args:
        document: the open file.
        accessor: which of its accessors.
        types: what it may be, such as ``("VEC3", "VEC4")``.
        normalized: whether whole numbers stand for fractions though the accessor does not say so.
            Default: as it says.

    Returns:
        (count, components) float64. Normalized whole numbers are divided by their type's largest.

    Raises:
        InputError: it is of another type, or refers to bytes that are not there.
    """
    values = _components(document, accessor, types)
    found = values.astype(np.float64)
    if values.dtype.kind in "iu" and (normalized or accessor.values.get("normalized") is True):
        found = np.maximum(found / np.iinfo(values.dtype).max, -1.0)
    return found


def read_wholes(document: Document, accessor: Entry, kind: str) -> Array:
    """Read whole numbers from 0, such as indices, as (count, components) int64.

    Raises:
        InputError: it is of another type, or refers to bytes that are not there.
    """
    values = _components(document, accessor, (kind,))
    if values.dtype.kind != "u":
        raise accessor.error("it holds other numbers where whole ones from 0 are needed")
    return values.astype(np.int64)


def _components(document: Document, accessor: Entry, types: tuple[str, ...]) -> Array:
    """(count, components) in the file's own type."""
    kind = accessor.text("type")
    if kind not in types:
        raise accessor.error(f"it is {kind[:20] or 'of no type'}, not {' or '.join(types)}")
    dtype, count = _dtype(accessor), accessor.whole("count")
    if not count:
        raise accessor.error("its count is 0, where at least 1 is needed")
    if "bufferView" in accessor:
        values = _elements(document, accessor, dtype, count, _WIDTHS[kind])
    else:
        document.zeros += count
        if document.zeros > _MOST_ZEROS:
            raise accessor.error(f"it has no data for its {count} elements: the file is damaged")
        values = np.zeros((count, _WIDTHS[kind]), dtype)
    if "sparse" not in accessor:
        return values
    sparse = accessor.child("sparse")
    num = sparse.whole("count")
    if num > count:
        raise sparse.error(f"it replaces {num} of {count} elements")
    if not num:
        return values
    where = sparse.child("indices")
    index_type = _dtype(where)
    if index_type.kind != "u":
        raise where.error("its indices are no whole numbers from 0")
    index = _elements(document, where, index_type, num, 1)[:, 0].astype(np.int64)
    if index.max() >= count:
        raise where.error(f"it replaces element {index.max()}, but there are {count}")
    values = values.copy()
    values[index] = _elements(document, sparse.child("values"), dtype, num, _WIDTHS[kind])
    return values


def _dtype(entry: Entry) -> np.dtype:
    code = entry.whole("componentType")
    if code not in _COMPONENTS:
        raise entry.error(f"its componentType is {code}, which glTF 2.0 does not know")
    return np.dtype(_COMPONENTS[code])


def _elements(document: Document, entry: Entry, dtype: np.dtype, count: int, width: int) -> Array:
    """(count, width) out of a bufferView, without a copy."""
    view, data = document.view(entry)
    size = width * dtype.itemsize
    stride = view.whole("byteStride", 0) or size
    if stride < size:
        raise view.error(f"its byteStride is {stride}, but {entry.name} has elements of {size}")
    start = entry.whole("byteOffset", 0)
    end = start + (count - 1) * stride + size
    if end > len(data):
        raise entry.error(f"its {count} elements need {end} bytes, but {view.name} has {len(data)}")
    return np.ndarray((count, width), dtype, data, start, (stride, dtype.itemsize))
