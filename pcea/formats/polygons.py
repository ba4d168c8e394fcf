"""Polygons of any size, cut into triangles."""

from __future__ import annotations

import numpy as np

from pcea.formats.raw import Array


def triangulate(counts: Array, corners: Array) -> Array:
    """Cut every polygon into a fan of triangles around its first corner.

    Args:
        counts: (P,) number of corners of each polygon; those below 3 give no triangle.
        corners: (sum of counts,) vertex indices, polygon after polygon.

    Returns:
        (F, 3) int64 vertex indices, the polygons in their order.
    """
    counts, corners = counts.astype(np.int64), corners.astype(np.int64)
    triangles = np.maximum(counts - 2, 0)  # (P,)
    first = np.repeat(np.cumsum(counts) - counts, triangles)  # (F,) where each one's fan starts
    step = np.arange(len(first)) - np.repeat(np.cumsum(triangles) - triangles, triangles)  # (F,)
    return np.stack((corners[first], corners[first + step + 1], corners[first + step + 2]), axis=1)
