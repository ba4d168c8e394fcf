"""NPY and NPZ: NumPy's own files, read without ever running what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Raw
from pcea.formats.registry import register_format
from pcea.formats.tables.arrays import points_of
from pcea.formats.tables.named import named_points


@register_format("npy")
def read_npy(path: Path) -> Raw:
    """Read an array: (N, 3 or more) numbers, or records with fields x, y and z.

    What columns 4 and on are, the numbers decide
    (:func:`pcea.formats.tables.by_value.layout_by_value`); of records, the names of the fields.

    Args:
        path: the file.

    Returns:
        Its points, in the file's own type.

    Raises:
        InputError: the array is of another shape or type, or may be (3, N).
    """
    with _opened(path, b"\x93NUMPY") as array:
        if array.dtype.names is None:
            return points_of(array, path)
        rows = array.ravel()
        return named_points({name: rows[name] for name in array.dtype.names}, path)


@register_format("npz")
def read_npz(path: Path) -> Raw:
    """Read positions, and faces, normals and colors where there are some.

    Args:
        path: the file. Positions are named pos, points, xyz, vertices and the like, or are the
            one array that can only be points; x, y and z may also be arrays of their own. Faces
            are (F, 3 or 4), or (3, F) as in PyTorch Geometric.

    Returns:
        A mesh where there are faces, else a cloud.

    Raises:
        InputError: none, or more than one, can be the points, or the arrays do not fit together.
    """
    with _opened(path, b"PK") as archive:
        return named_points(archive, path)


@contextmanager
def _opened(path: Path, start: bytes) -> Iterator[Any]:
    with path.open("rb") as file:
        # What has another start, numpy takes for a pickle, and proposes to trust it.
        if file.read(len(start)) != start:
            raise InputError(f"{path}: it is no {path.suffix} file: is it renamed?")
        file.seek(0)
        yield np.load(file, allow_pickle=False)
