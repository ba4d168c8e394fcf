"""Vertices at one place become one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def weld(vertices: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Find the vertices that are equal, as STL files and texture seams have them.

    Args:
        vertices: (V, 3) positions, compared as float32 and without any tolerance.

    Returns:
        corner: (V,) which place, 0 … W - 1, each vertex lies at.
        num: how many places W there are.
    """
    pos = np.ascontiguousarray(vertices, np.float32) + np.float32(0.0)  # -0.0 is 0.0
    bits = pos.view(np.uint32).astype(np.uint64)  # (V, 3)
    # Two whole numbers sort several times faster than rows of three.
    first, second = (bits[:, 0] << np.uint64(32)) | bits[:, 1], bits[:, 2]
    order = np.lexsort((second, first))
    new = np.empty(len(order), bool)
    new[:1] = True
    new[1:] = np.diff(first[order]).astype(bool) | np.diff(second[order]).astype(bool)
    corner = np.empty(len(order), np.int64)
    corner[order] = np.cumsum(new) - 1
    return corner, int(new.sum())
