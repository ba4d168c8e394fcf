"""Polygons of any size and strips of triangles, cut into triangles."""

from __future__ import annotations

import numpy as np

from pcea.formats.raw import Array

# Part of a polygon's area: what a triangle lies the other way round by, or the cut misses, may be
# due to rounding below it.
_SLACK = 1e-6


def triangulate(counts: Array, corners: Array, pos: Array) -> Array:
    """Cut polygons into (F, 3) int64 triangles that cover them and wind as they do, in order."""
    # Where a fan around the first corner covers the polygon, as it does all convex ones, it is
    # taken. Others are cut by ear clipping in their own plane; what no cut covers (edges that
    # cross, no area, a corner without a position) stays a fan. A polygon of n corners gives n − 2
    # triangles, fewer only where some of its corners lie on one line.
    counts, corners = counts.astype(np.int64), corners.astype(np.int64)
    faces, owner = _fans(counts, corners)
    among = np.flatnonzero(counts[owner] > 3)
    if not len(among) or corners.min() < 0 or corners.max() >= len(pos):
        return faces
    wrong = np.zeros(len(counts), bool)  # (P,)
    wrong[owner[among][_backward(faces[among], owner[among], pos)]] = True
    if not wrong.any():
        return faces
    rest = np.flatnonzero(wrong)
    cut, cut_owner = _clip_ears(counts[rest], corners[np.isin(_owners(counts), rest)], pos)
    kept = ~np.isin(owner, rest[cut_owner])
    faces = np.concatenate((faces[kept], cut))
    order = np.argsort(np.concatenate((owner[kept], rest[cut_owner])), kind="stable")
    return faces[order]


def unroll_strips(counts: Array, corners: Array) -> Array:
    """Cut strips, whose corners each make a triangle with the two before, into (F, 3) int64."""
    # All wind as the first triangle of their strip; −1 ends a strip within a list of corners.
    # Triangles that name a vertex twice only lead on within a strip, and are left out.
    counts, corners = counts.astype(np.int64), corners.astype(np.int64)
    if len(corners) < 3:
        return np.empty((0, 3), np.int64)
    place = np.arange(len(corners))
    opens = np.zeros(len(corners), bool)  # where a strip begins
    first = np.cumsum(counts) - counts
    opens[first[counts > 0]] = True
    opens[1:] |= corners[:-1] == -1
    start = np.maximum.accumulate(np.where(opens, place, 0))  # (E,) of the strip of each entry
    a, b, c = corners[:-2], corners[1:-1], corners[2:]
    whole = (start[:-2] == start[2:]) & (np.minimum(np.minimum(a, b), c) != -1)
    whole &= (a != b) & (b != c) & (a != c)
    odd = (place[:-2] - start[:-2]) % 2 == 1
    faces = np.stack((np.where(odd, b, a), np.where(odd, a, b), c), axis=1)
    return faces[whole]


def _owners(counts: Array) -> Array:
    """(sum of counts,) which polygon each entry belongs to."""
    return np.repeat(np.arange(len(counts)), counts)


def _fans(counts: Array, corners: Array) -> tuple[Array, Array]:
    """(F, 3) triangles around the first corners, and (F,) the polygon of each."""
    triangles = np.maximum(counts - 2, 0)  # (P,)
    owner = _owners(triangles)  # (F,)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    first = (np.cumsum(counts) - counts)[owner]
    faces = (corners[first], corners[first + step + 1], corners[first + step + 2])
    return np.stack(faces, axis=1), owner


def _backward(faces: Array, owner: Array, pos: Array) -> Array:
    """(F,) bool: the triangles of fans that lie the other way round than their polygon."""
    a, b, c = (pos[faces[:, i]].astype(np.float64) for i in range(3))
    with np.errstate(invalid="ignore", over="ignore"):
        normal = np.cross(b - a, c - a)  # (F, 3) twice the area
        # The triangles share a corner, so their normals add up to Newell's, the polygon's.
        whole = _sums(owner, normal)[owner]
        back: Array = (normal * whole).sum(1) < -_SLACK * (whole * whole).sum(1)
    return back


def _clip_ears(counts: Array, corners: Array, pos: Array) -> tuple[Array, Array]:
    """Cut polygons in their planes: (F, 3) indices and (F,) owners, without those no cut covers."""
    import mapbox_earcut  # only few files need it

    owner, start = _owners(counts), np.cumsum(counts) - counts
    following = np.arange(len(corners)) + 1
    following[start + counts - 1] = start
    local = pos[corners].astype(np.float64)
    local -= local[start][owner]
    normal = _sums(owner, np.cross(local, local[following]))  # (P, 3) Newell's
    length = np.linalg.norm(normal, axis=1)  # (P,) twice the area
    normal /= np.where(length > 0, length, 1)[:, None]
    across = np.cross(normal, np.eye(3)[np.abs(normal).argmin(1)])
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    axes = np.stack((across, np.cross(normal, across)), axis=2)  # (P, 3, 2)
    flat = np.einsum("ki,kij->kj", local, axes[owner])  # (sum of counts, 2) counterclockwise

    cuts = [
        mapbox_earcut.triangulate_float64(flat[first:end], np.array([end - first], np.uint32))
        for first, end in zip(start.tolist(), (start + counts).tolist(), strict=True)
    ]
    cut_owner = _owners(np.array([len(cut) // 3 for cut in cuts]))
    cut = np.concatenate(cuts).astype(np.int64).reshape(-1, 3) + start[cut_owner][:, None]
    (ax, ay), (bx, by), (cx, cy) = (flat[cut[:, i]].T for i in range(3))
    doubled = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)  # (F,) twice the signed areas
    cut = np.where((doubled < 0)[:, None], cut[:, ::-1], cut)
    covered = np.bincount(cut_owner, np.abs(doubled), len(counts))
    good = (np.abs(covered - length) <= _SLACK * length)[cut_owner]
    return corners[cut[good]], cut_owner[good]


def _sums(owner: Array, values: Array) -> Array:
    """(P, 3) sums of (K, 3) values over what belongs together."""
    return np.stack([np.bincount(owner, values[:, i]) for i in range(3)], axis=1)
