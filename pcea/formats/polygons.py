"""Cut polygons and triangle strips into triangles."""

import numpy as np

from pcea.formats.raw import Array

# A reversed triangle, or a gap of a cut, is taken for a rounding error below this share of the
# polygon's area.
_SLACK = 1e-6


def triangulate(counts: Array, corners: Array, pos: Array) -> Array:
    """Cut polygons into (F, 3) int64 triangles, in their order and with their winding."""
    # A polygon that a fan around its first corner covers, as with all convex ones, becomes the fan.
    # Others are cut by ear clipping in their own plane; if that does not cover one (crossing
    # edges, no area, a corner without a position), it becomes the fan, too. n corners give n − 2
    # triangles, or fewer if some of them lie on one line.
    counts, corners = counts.astype(np.int64), corners.astype(np.int64)
    triangles, first = np.maximum(counts - 2, 0), np.cumsum(counts) - counts  # (P,)
    owner = np.repeat(np.arange(len(counts)), triangles)  # (F,) the polygon of each triangle
    step = first[owner] + np.arange(len(owner)) - (np.cumsum(triangles) - triangles)[owner]
    faces = np.stack([corners[i] for i in (first[owner], step + 1, step + 2)], axis=1)
    if not (counts > 3).any() or corners.min() < 0 or corners.max() >= len(pos):
        return faces
    with np.errstate(invalid="ignore", over="ignore"):
        a, b, c = (pos[faces[:, i]].astype(np.float64) for i in range(3))
        normal = np.cross(b - a, c - a)  # (F, 3) twice the area
        # The triangles share a corner, so the sum of their normals is the polygon's (Newell).
        whole = _sums(owner, normal)[owner]
        backward = (normal * whole).sum(1) < -_SLACK * (whole * whole).sum(1)
    if not backward.any():
        return faces
    concave = np.unique(owner[backward])
    inside = np.isin(np.repeat(np.arange(len(counts)), counts), concave)
    cut, cut_owner = _clip_ears(counts[concave], corners[inside], pos)
    kept = ~np.isin(owner, concave[cut_owner])
    order = np.argsort(np.concatenate((owner[kept], concave[cut_owner])), kind="stable")
    return np.concatenate((faces[kept], cut))[order]


def _clip_ears(counts: Array, corners: Array, pos: Array) -> tuple[Array, Array]:
    """Clip ears: (F, 3) indices and (F,) polygons, of those polygons that the triangles cover."""
    import mapbox_earcut  # only few files need it

    owner, ends = np.repeat(np.arange(len(counts)), counts), np.cumsum(counts)
    start, following = ends - counts, np.arange(1, len(corners) + 1)
    following[ends - 1] = start
    local = pos[corners].astype(np.float64)
    local -= local[start][owner]
    normal = _sums(owner, np.cross(local, local[following]))  # (P, 3) of the polygons (Newell)
    length = np.linalg.norm(normal, axis=1)  # (P,) twice the area
    across = np.cross(normal, np.eye(3)[np.abs(normal).argmin(1)])
    axes = np.stack((across, np.cross(normal, across)), axis=2)  # (P, 3, 2)
    axes /= np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-300)
    flat = np.einsum("ki,kij->kj", local, axes[owner])  # (sum of counts, 2) counterclockwise
    cuts = [
        mapbox_earcut.triangulate_float64(flat[first:end], np.array([end - first], np.uint32))
        for first, end in zip(start.tolist(), ends.tolist(), strict=True)
    ]
    cut_owner = np.repeat(np.arange(len(cuts)), [len(cut) // 3 for cut in cuts])
    cut = np.concatenate(cuts).astype(np.int64).reshape(-1, 3) + start[cut_owner][:, None]
    (ax, ay), (bx, by), (cx, cy) = (flat[cut[:, i]].T for i in range(3))
    doubled = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)  # (F,) twice the signed areas
    cut = np.where((doubled < 0)[:, None], cut[:, ::-1], cut)
    covered = np.bincount(cut_owner, np.abs(doubled), len(counts))
    good = (np.abs(covered - length) <= _SLACK * length)[cut_owner]
    return corners[cut[good]], cut_owner[good]


def _sums(owner: Array, values: Array) -> Array:
    """Sum (K, 3) values over each owner: (P, 3)."""
    return np.stack([np.bincount(owner, values[:, i]) for i in range(3)], axis=1)


def unroll_strips(counts: Array, corners: Array) -> Array:
    """Cut strips, in which each corner makes a triangle with the two before, into (F, 3) int64."""
    # All triangles get the winding of the first in their strip; −1 ends a strip within a list.
    # Triangles that use a vertex twice only connect parts of a strip, and are left out.
    counts, corners = counts.astype(np.int64), corners.astype(np.int64)
    if len(corners) < 3:
        return np.empty((0, 3), np.int64)
    place = np.arange(len(corners))
    opens = np.zeros(len(corners), bool)  # where a strip begins
    first = np.cumsum(counts) - counts
    opens[first[counts > 0]] = True
    opens[1:] |= corners[:-1] == -1
    start = np.maximum.accumulate(np.where(opens, place, 0))  # (E,) where its strip begins
    a, b, c = corners[:-2], corners[1:-1], corners[2:]
    whole = (start[:-2] == start[2:]) & (np.minimum(np.minimum(a, b), c) != -1)
    whole &= (a != b) & (b != c) & (a != c)
    odd = (place[:-2] - start[:-2]) % 2 == 1
    faces = np.stack((np.where(odd, b, a), np.where(odd, a, b), c), axis=1)
    return faces[whole]
