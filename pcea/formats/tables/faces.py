"""Faces as arrays, in the forms that libraries give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.polygons import triangulate
from pcea.formats.raw import Array


def faces_of(
    index: Array, name: str, pos: Array, path: Path
) -> tuple[Array | None, tuple[str, ...]]:
    """Make triangles of an array of faces.

    Args:
        index: vertex indices: (F, 3), (F, 4) with or without -1 at the end of triangles, (3, F) or
            (4, F), or laid end to end, each face after its number of corners, as in VTK.
        name: what the array is called: ``face`` is (3, F) in PyTorch Geometric, which decides
            where both are possible.
        pos: (N, 3) the vertices.
        path: the file, for the message.

    Returns:
        (F, 3) int64 vertex indices counted from 0, none for no faces; and what a person should
        know, a sentence each.

    Raises:
        InputError: the array is of another shape or type.
    """
    whole = index.dtype.kind in "iu" or (index.dtype.kind == "f" and (index % 1 == 0).all())
    if not whole:
        raise InputError(f"{path}: its {name} holds {index.dtype}; whole numbers are needed")
    if not index.size:
        return None, ()
    counts, corners = _polygons(index.astype(np.int64), name, path)
    notes: tuple[str, ...] = ()
    if corners.min() >= 1 and corners.max() == len(pos):
        corners, notes = corners - 1, ("its faces count the vertices from 1",)
    return triangulate(counts, corners, pos), notes


def _polygons(index: Array, name: str, path: Path) -> tuple[Array, Array]:
    """The number of corners of each face, and all corners laid end to end."""
    shape = index.shape
    if index.ndim == 1:
        return _end_to_end(index, name, path)
    if index.ndim == 2 and shape[0] in (3, 4):
        of_geometric = name.lower() == "face" and shape[0] == 3 and shape[1] in (3, 4)
        if shape[1] not in (3, 4) or of_geometric:
            index = index.T
    if index.ndim != 2 or index.shape[1] not in (3, 4):
        raise InputError(
            f"{path}: its {name} has shape {shape}; (F, 3), (3, F) or (F, 4) is needed"
        )
    if index.shape[1] == 4 and len(index) > 1 and (index[:, 0] == 3).all():
        index = index[:, 1:]  # VTK's rows begin with the number of corners
    there = (index >= 0) if index.shape[1] == 4 else np.ones(index.shape, bool)
    return there.sum(1), index[there]


def _end_to_end(index: Array, name: str, path: Path) -> tuple[Array, Array]:
    starts, at = [], 0
    while at < len(index) and index[at] > 0:
        starts.append(at)
        at += int(index[at]) + 1
    if at != len(index):
        raise InputError(f"{path}: its {name} is no row of faces, each after its number of corners")
    return index[starts], np.delete(index, starts)
