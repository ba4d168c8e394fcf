"""Normals of points that came without: the plane of each neighborhood, turned outward."""

import numpy as np
import torch
from torch import Tensor

from pcea.geometry.kernels.compiled import Array, parallel_for
from pcea.geometry.kernels.planes_cpu import fit_planes
from pcea.geometry.kernels.sky_cpu import open_sky
from pcea.geometry.neighbors import knn

# Sight lines are tried along 32 axes, both ways, evenly over half a sphere.
_HEIGHT, _AROUND = (np.arange(32) + 0.5) / 32, np.pi * (3 - np.sqrt(5)) * np.arange(32)
_WIDE = np.sqrt(1 - _HEIGHT * _HEIGHT)
AXES = np.stack([_WIDE * np.cos(_AROUND), _WIDE * np.sin(_AROUND), _HEIGHT], axis=1)
# A point's disk reaches to its fourth neighbor: of a surface, one line in fifty slips through.
DISK_NEIGHBOR = 4
# What the local offset counts beside the open sky, and from where on the two decide.
OFFSET_WEIGHT = 0.5
DECIDED = 0.1


@torch.no_grad()
def estimate_normals(pos: Tensor, mask: Tensor | None = None, k: int = 20) -> Tensor:
    """Estimate the outward unit normals of clouds from their positions alone.

    The direction is that of the plane through the k nearest neighbors, fitted three times. The side
    is that on which more of the sky is open to the point; points with as much on both sides follow
    their neighbors along a minimum spanning tree. Where a whole piece of a cloud is undecided, as a
    sheet is, the way from neighbors' means to the points decides, and at last the largest
    coordinate of the mean normal, which becomes positive. docs/models.md has how well that works.

    Scale and place do not matter, and turning a cloud turns its normals, but for the signs of
    points that hardly know their side: the sky is tested along fixed axes. The work is done in
    float64 on the CPU, in as many threads as torch uses, and no gradient flows.

    Args:
        pos: (B, N, 3) positions in any unit, on any device.
        mask: (B, N) bool, true at real points. Default: all are real.
        k: neighbors of a point, itself among them, at least 3; a smaller cloud takes all its
            points. The default was chosen at 1,024 points.

    Returns:
        (B, N, 3) unit normals in the dtype of ``pos``; zero at padding and at points that are not
        finite. Where points fix no plane, one of the directions that fit.

    Raises:
        ValueError: ``k`` is below 3.

    Source:
        Hoppe et al., Surface Reconstruction from Unorganized Points, SIGGRAPH 1992, for planes and
        the tree; Katz et al., Direct Visibility of Point Sets, SIGGRAPH 2007, for telling sides by
        visibility, here along lines of sight.
    """
    if k < 3:
        raise ValueError(f"a plane takes at least 3 neighbors, not {k}")
    return _estimate_normals(pos, mask, k)


@torch.library.custom_op("pcea::estimate_normals", mutates_args=())
def _estimate_normals(pos: Tensor, mask: Tensor | None, k: int) -> Tensor:
    places = pos.detach().cpu().double().numpy()
    real = np.isfinite(places).all(-1)  # (B, N)
    if mask is not None:
        real &= mask.cpu().numpy()
    normal = np.zeros_like(places)

    def some(low: int, high: int) -> None:
        for cloud in range(low, high):
            kept = real[cloud]
            if kept.any():
                # Repeated points say nothing new, and would fill each other's neighborhoods.
                distinct, back = np.unique(places[cloud, kept], axis=0, return_inverse=True)
                normal[cloud, kept] = _of_cloud(distinct, k)[back.ravel()]

    parallel_for(len(places), some)
    return torch.from_numpy(normal).to(pos)


@_estimate_normals.register_fake
def _(pos: Tensor, mask: Tensor | None, k: int) -> Tensor:
    return torch.empty_like(pos, memory_format=torch.contiguous_format)


def _of_cloud(pos: Array, k: int) -> Array:
    pos = pos - (pos.min(0) + pos.max(0)) / 2
    pos = pos / (np.abs(pos).max() or 1.0)  # float32 holds the squares of these
    k = min(k, len(pos))
    one = torch.from_numpy(pos.astype(np.float32))[None]
    index = knn(one, one, k)[0].numpy()  # (N, k)
    normal, offset = np.empty_like(pos), np.empty(len(pos))
    fit_planes(pos, index, normal, offset)
    away = pos[index[:, min(DISK_NEIGHBOR, k - 1)]] - pos
    radius = float(np.median(np.sqrt((away * away).sum(1))))
    side = np.zeros(len(pos))
    if radius > 0:
        open_sky(pos, normal, AXES, radius, side)
    side += OFFSET_WEIGHT * offset
    return normal * _signs(normal, index, side)[:, None]


def _signs(normal: Array, index: Array, side: Array) -> Array:
    """Say which normals are to be turned, (N,) of 1 and −1: undecided points follow a neighbor."""
    from scipy.sparse import csgraph, csr_matrix

    root, k = index.shape  # the decided points hang on a node of its own, after all points
    decided = np.flatnonzero(np.abs(side) > DECIDED)
    start, end = np.repeat(np.arange(root), k), index.ravel()
    likeness = np.abs(np.einsum("nc,nc->n", normal[start], normal[end]))
    # A weight of zero would be no edge.
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
            # A piece of which no point is decided stays as it is, or turns as a whole.
            vote, mean = (side * sign)[order].mean(), sign[order] @ normal[order]
            if abs(vote) <= 1e-3:
                vote = mean[np.abs(mean).argmax()]
            sign[order] *= 1.0 if vote >= 0 else -1.0
    return sign
