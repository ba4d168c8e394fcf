"""Estimate normals: fit a plane to each neighborhood, and turn its normal outward."""

import numpy as np
import torch
from torch import Tensor

from pcea.geometry.kernels.compiled import Array
from pcea.geometry.kernels.planes_cpu import fit_planes
from pcea.geometry.kernels.sky_cpu import open_sky
from pcea.geometry.neighbors import knn
from pcea.operators import operator
from pcea.parallel import parallel_for

# Part of the key of what is cached: raise it when the same positions get other normals.
VERSION = 1
# Lines of sight are tested in both directions along 32 axes, evenly spaced over half a sphere.
_HEIGHT, _AROUND = (np.arange(32) + 0.5) / 32, np.pi * (3 - np.sqrt(5)) * np.arange(32)
_WIDE = np.sqrt(1 - _HEIGHT * _HEIGHT)
AXES = np.stack([_WIDE * np.cos(_AROUND), _WIDE * np.sin(_AROUND), _HEIGHT], axis=1)
# Disks that reach to the fourth neighbor let one line of sight in fifty through a surface.
DISK_NEIGHBOR = 4
# The weight of the local offset beside the open sky, and the least sum that decides on a side.
OFFSET_WEIGHT = 0.5
DECIDED = 0.1


@torch.no_grad()
def estimate_normals(pos: Tensor, mask: Tensor | None = None, k: int = 20) -> Tensor:
    """Estimate the outward unit normals of clouds from their positions alone.

    The direction is normal to a plane fitted to the k nearest neighbors in three passes. A normal
    points to the side on which fewer lines of sight are blocked by other points. If both sides
    are alike, a point follows its neighbors along a minimum spanning tree. If a whole piece of a
    cloud is undecided, as with a sheet, the offsets of points from their neighbors' mean decide, or
    else the largest coordinate of the mean normal becomes positive. docs/models.md has the errors.

    Scale and place do not matter. Rotating a cloud rotates its normals, except for the signs of
    nearly undecided points, because lines of sight have fixed axes. The computation uses float64 on
    the CPU, in as many threads as torch, without gradients.

    Args:
        pos: (B, N, 3) positions in any unit, on any device.
        mask: (B, N) bool, true at real points. Default: all are real.
        k: neighbors of a point, including itself, at least 3; a smaller cloud uses all its points.
            The default was chosen for 1,024 points.

    Returns:
        (B, N, 3) unit normals in the dtype of ``pos``; zero at padding and at points that are not
        finite. If the neighbors lie on a line, one of the directions that fit.

    Raises:
        ValueError: ``k`` is below 3.

    Source:
        Hoppe et al., Surface Reconstruction from Unorganized Points, SIGGRAPH 1992, for planes and
        the tree; Katz et al., Direct Visibility of Point Sets, SIGGRAPH 2007, for the side by
        visibility, tested here along lines of sight.
    """
    if k < 3:
        raise ValueError(f"a plane takes at least 3 neighbors, not {k}")
    return _estimate_normals(pos, mask, k)


@operator("estimate_normals")
def _estimate_normals(pos: Tensor, mask: Tensor | None, k: int) -> Tensor:
    wide = pos.detach().cpu().double().numpy()
    real = np.isfinite(wide).all(-1)  # (B, N)
    if mask is not None:
        real &= mask.cpu().numpy()
    normal = np.zeros_like(wide)

    def work(low: int, high: int) -> None:
        for cloud in range(low, high):
            kept = real[cloud]
            if kept.any():
                # Repeated points would fill each other's neighborhoods.
                distinct, back = np.unique(wide[cloud, kept], axis=0, return_inverse=True)
                normal[cloud, kept] = _of_cloud(distinct, k)[back.ravel()]

    parallel_for(len(wide), work)
    return torch.from_numpy(normal).to(pos)


@_estimate_normals.register_fake
def _(pos: Tensor, mask: Tensor | None, k: int) -> Tensor:
    return torch.empty_like(pos, memory_format=torch.contiguous_format)


def _of_cloud(pos: Array, k: int) -> Array:
    pos, index, radius = neighborhoods(pos, k)
    normal, offset = np.empty_like(pos), np.empty(len(pos))
    fit_planes(pos, index, normal, offset)
    side = np.zeros(len(pos))
    if radius > 0:
        open_sky(pos, normal, AXES, radius, side)
    side += OFFSET_WEIGHT * offset
    return normal * _signs(normal, index, side)[:, None]


def neighborhoods(pos: Array, k: int) -> tuple[Array, Array, float]:
    """Scale positions (N, 3) into the cube from −1 to 1, and find the neighbors of each point.

    It returns the scaled positions, the up to k nearest points of each, (N, k), and the radius of
    the disk that each point stands for in :func:`open_sky`.
    """
    pos = pos - (pos.min(0) + pos.max(0)) / 2
    pos = pos / (np.abs(pos).max() or 1.0)  # so that float32 can hold the squares
    k = min(k, len(pos))
    one = torch.from_numpy(pos.astype(np.float32))[None]
    index = knn(one, one, k)[0].numpy()  # (N, k)
    away = pos[index[:, min(DISK_NEIGHBOR, k - 1)]] - pos
    return pos, index, float(np.median(np.sqrt((away * away).sum(1))))


def _signs(normal: Array, index: Array, side: Array) -> Array:
    """Choose the signs of the normals, (N,) of 1 and −1: undecided points follow a neighbor."""
    from scipy.sparse import csgraph, csr_matrix

    root, k = index.shape  # decided points are connected to a root node after all points
    decided = np.flatnonzero(np.abs(side) > DECIDED)
    start, end = np.repeat(np.arange(root), k), index.ravel()
    likeness = np.abs(np.einsum("nc,nc->n", normal[start], normal[end]))
    # An edge of weight zero would be missing.
    weight = np.concatenate([1.001 - np.minimum(likeness, 1), np.full(len(decided), 1e-6)])
    ends = np.concatenate([[start, end], [decided, np.full(len(decided), root)]], axis=1)
    apart = ends[0] != ends[1]
    graph = csr_matrix((weight[apart], ends[:, apart]), shape=(root + 1, root + 1))
    tree = csgraph.minimum_spanning_tree(graph)
    piece = csgraph.connected_components(tree, directed=False)[1]
    sign = np.where(side < 0, -1.0, 1.0)
    for each in range(piece.max() + 1):
        with_root = piece[root] == each
        first = root if with_root else np.argmax(piece == each)
        order, before = csgraph.breadth_first_order(tree, first, directed=False)
        for point in order[1:]:
            if before[point] != root:
                agree = normal[point] @ normal[before[point]] >= 0
                sign[point] = sign[before[point]] * (1.0 if agree else -1.0)
        if not with_root:
            # A piece without decided points is turned as a whole.
            vote, mean = (side * sign)[order].mean(), sign[order] @ normal[order]
            if abs(vote) <= 1e-3:
                vote = mean[np.abs(mean).argmax()]
            sign[order] *= 1.0 if vote >= 0 else -1.0
    return sign
