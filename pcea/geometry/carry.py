"""Values at some points of a shape, brought back to all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.errors import InputError
from pcea.geometry.interpolation import EPSILON, three_interpolate
from pcea.geometry.surface import weld

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = NDArray[Any]

# How much an edge resists a difference against how much a point insists on its value.
STIFFNESS = 0.3
# The cotangents of needles and caps, which tie or part their corners altogether, end here.
LOWEST, HIGHEST = 0.05, 10.0
# Where the conjugate gradients stop: what is left over of the right side, and after how many steps.
TOLERANCE, MOST_STEPS = 1e-5, 300


def carry_to_vertices(
    vertices: Tensor, faces: Tensor, pos: Tensor, face: Tensor, values: Tensor
) -> Tensor:
    """Bring values (P, C) at points on a triangle mesh to its vertices: (V, C) float32 on the CPU.

    Their linear interpolation within the faces fits the points best, and they vary least from
    vertex to vertex where points are few; each column stays within its range at the points. Only
    faces join vertices, so the two sides of a thin wall share no values. Vertices at one place
    count as one. A component without points, or a vertex without faces, takes the values of the
    point that is nearest to it in space.

    Args:
        vertices: (V, 3) positions, any unit.
        faces: (F, 3) vertex indices; degenerate, repeated and non-manifold faces may be among them.
        pos: (P, 3) points, in the same unit.
        face: (P,) int64 the face that each point lies on.
        values: (P, C) what is known at the points.

    Raises:
        InputError: the shapes do not fit, an index is out of range, or there are no points.

    Source:
        The Dirichlet energy with cotangent weights, kept positive: Pinkall and Polthier,
        *Computing discrete minimal surfaces and their conjugates*, 1993.
    """
    return SurfaceCarrier(vertices, faces, pos, face).carry(values)


class SurfaceCarrier:
    """What :func:`carry_to_vertices` needs to know of a mesh and its points, worked out once.

    On a large mesh that takes as long as carrying ten columns. Arguments and errors are the same.
    """

    def __init__(self, vertices: Tensor, faces: Tensor, pos: Tensor, face: Tensor) -> None:
        from scipy.sparse import diags

        _check(vertices, faces, pos, face)
        self._corner, num = weld(vertices.detach().cpu().numpy())
        places = np.empty((num, 3))
        places[self._corner] = vertices.detach().cpu().numpy()
        triangles = self._corner[faces.cpu().numpy()]  # (F, 3)
        on = pos.detach().cpu().double().numpy(), triangles[face.cpu().numpy()]
        self._nearest, reached = _nearest(places, triangles, *on)
        self._fit, self._matrix = _equations(places, triangles[reached[triangles[:, 0]]], *on)
        # The diagonal becomes 1, which takes fewer steps; where it is 0, there is no equation.
        root = np.sqrt(self._matrix.diagonal())
        self._scale = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
        scaled = diags(self._scale) @ self._matrix @ diags(self._scale)
        self._scaled = scaled.astype(np.float32).tocsr()

    def __repr__(self) -> str:
        return f"SurfaceCarrier({self._fit.shape[0]:,} points to {len(self._corner):,} vertices)"

    def carry(self, values: Tensor) -> Tensor:
        """Bring values (P, C) at the points to the vertices: (V, C) float32 on the CPU."""
        _check_values(self._fit.shape[0], values)
        known = values.detach().cpu().double().numpy()  # (P, C)
        carried = np.empty((len(self._scale), known.shape[1]), np.float32)
        # Column by column: the vectors of one stay in the processor's caches.
        for own, out in zip(known.T, carried.T, strict=True):  # (P,), (W,)
            start, right = own[self._nearest], self._fit.T @ own
            # What is solved for is the way from the nearest point's value: 0 where that is it.
            rest = (self._scale * (right - self._matrix @ start)).astype(np.float32)
            goal = TOLERANCE * float(np.linalg.norm(self._scale * right))
            change = self._scale * _solve(self._scaled, rest, goal)
            out[:] = (start + change).clip(own.min(), own.max())
        return torch.from_numpy(carried[self._corner])  # (V, C)


def carry_to_points(query: Tensor, pos: Tensor, values: Tensor, k: int = 3) -> Tensor:
    """Bring values (P, C) at ``pos`` (P, 3) to ``query`` (N, 3) in the same unit: (N, C) float32.

    It gives what :func:`pcea.geometry.three_interpolate` gives once the cloud is scaled to the unit
    sphere, by a search on the CPU that millions of points do not slow.
    """
    _check_triples(query=query, pos=pos)
    _check_values(len(pos), values)
    query, pos, known = (each.detach().cpu().double() for each in (query, pos, values))
    center = query.mean(0)
    radius = (query - center).norm(dim=1).max().clamp(min=torch.finfo(torch.float64).tiny)
    query, pos = (query - center) / radius, (pos - center) / radius
    try:
        from scipy.spatial import cKDTree
    except ImportError:  # a machine that only trains has no SciPy
        return three_interpolate(query[None], pos[None], known[None], k=k)[0].float()
    distance, index = cKDTree(pos.numpy()).query(
        query.numpy(), list(range(1, min(k, len(pos)) + 1))
    )
    weight = 1.0 / (np.square(distance) + EPSILON)  # (N, k)
    weight /= weight.sum(1, keepdims=True)
    total = np.zeros((len(query), known.shape[1]))
    for column in range(weight.shape[1]):  # one after the other: (N, k, C) is large
        total += weight[:, column, None] * known.numpy()[index[:, column]]
    return torch.from_numpy(total).float()


def barycentric(pos: Array, a: Array, b: Array, c: Array) -> Array:
    """Give points as means of their triangle's corners, (P, 3) weights; of all three where flat."""
    normal = np.cross(b - a, c - a)  # (P, 3)
    area = np.square(normal).sum(1)  # (P,)
    flat = area == 0
    area[flat] = 1.0
    own = [
        (np.cross(second - first, pos - first) * normal).sum(1) / area
        for first, second in ((b, c), (c, a), (a, b))
    ]
    weight = np.stack(own, 1).clip(0.0, 1.0)  # what rounding put beside its face comes back
    weight[flat | (weight.sum(1) == 0)] = 1.0
    return weight / weight.sum(1, keepdims=True)


def _nearest(places: Array, triangles: Array, pos: Array, corners: Array) -> tuple[Array, Array]:
    """Which point each place is nearest to, (W,), and to which places a way leads, (W,)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components, dijkstra
    from scipy.spatial import cKDTree

    num, total = len(places), len(places) + len(pos)
    start, end = triangles[:, [0, 1, 2]].ravel(), triangles[:, [1, 2, 0]].ravel()
    row = np.concatenate([start, end, np.repeat(np.arange(num, total), 3)])
    column = np.concatenate([end, start, corners.ravel()])
    everything = np.concatenate([places, pos])
    length = np.linalg.norm(everything[row] - everything[column], axis=1)
    # A graph holds no edge of length zero.
    length = np.maximum(length, 1e-12 * max(length.max(), np.finfo(float).tiny * 1e13))
    # An edge of two triangles is twice as long here, which does no harm to a first guess.
    graph = csr_matrix((length, (row, column)), shape=(total, total))
    _, _, origin = dijkstra(
        graph, indices=np.arange(num, total), min_only=True, return_predecessors=True
    )
    nearest = origin[:num].astype(np.int64) - num
    reached = nearest >= 0
    if not reached.all():
        apart = np.flatnonzero(~reached)
        distance, point = cKDTree(pos).query(places[apart])
        _, component = connected_components(graph, directed=False)
        # The nearest place of each component decides for all of it.
        order = np.argsort(distance, kind="stable")
        _, first, member = np.unique(
            component[apart][order], return_index=True, return_inverse=True
        )
        nearest[apart[order]] = point[order][first][member]
    return nearest, reached


def _equations(
    places: Array, triangles: Array, pos: Array, corners: Array
) -> tuple[csr_matrix, csr_matrix]:
    """The interpolation at the points, (P, W), and the matrix of the normal equations, (W, W)."""
    from scipy.sparse import csr_matrix, diags

    num = len(places)
    row = np.repeat(np.arange(len(pos)), 3)
    own = barycentric(pos, *(places[corners[:, i]] for i in range(3)))
    fit = csr_matrix((own.ravel(), (row, corners.ravel())), shape=(len(pos), num))
    weight = np.zeros(triangles.shape)  # (F, 3) of the edge opposite each corner
    for i in range(3):
        apex, left, right = (places[triangles[:, (i + j) % 3]] for j in range(3))
        left, right = left - apex, right - apex
        area = np.linalg.norm(np.cross(left, right), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            cotangent = 0.5 * (left * right).sum(1) / area
        weight[:, i] = np.nan_to_num(cotangent, nan=LOWEST).clip(LOWEST, HIGHEST)
    start, end = (triangles[:, turn].ravel() for turn in ([1, 2, 0], [2, 0, 1]))
    joined = csr_matrix((weight.ravel(), (start, end)), shape=(num, num))
    joined = joined + joined.T
    laplacian = diags(np.asarray(joined.sum(1)).ravel()) - joined
    return fit, (fit.T @ fit + STIFFNESS * laplacian).tocsr()


def _solve(matrix: csr_matrix, right: Array, goal: float) -> Array:
    """Solve ``matrix @ x = right``, both (W,), by conjugate gradients until ``goal`` is left."""
    x = np.zeros_like(right)
    ahead = right.copy()
    along = float(right @ right)
    for _ in range(MOST_STEPS):
        if along <= goal**2:
            break
        moved = matrix @ ahead
        step = along / float(ahead @ moved)
        x += step * ahead
        right = right - step * moved
        before, along = along, float(right @ right)
        ahead *= along / before
        ahead += right
    return x


def _check(vertices: Tensor, faces: Tensor, pos: Tensor, face: Tensor) -> None:
    _check_triples(vertices=vertices, faces=faces, pos=pos)
    if face.shape != pos.shape[:1]:
        raise InputError(f"face must have shape ({len(pos)},), not {tuple(face.shape)}")
    for name, index, count in (("faces", faces, len(vertices)), ("face", face, len(faces))):
        if len(index) and not (int(index.min()) >= 0 and int(index.max()) < count):
            raise InputError(f"{name} must hold indices in 0..{count - 1}")


def _check_triples(*, pos: Tensor, **others: Tensor) -> None:
    for name, tensor in {**others, "pos": pos}.items():
        if tensor.ndim != 2 or tensor.shape[1] != 3:
            rows = {"vertices": "V", "faces": "F", "query": "N", "pos": "P"}[name]
            raise InputError(f"{name} must have shape ({rows}, 3), not {tuple(tensor.shape)}")
    if not len(pos):
        raise InputError("no values can be carried: there are no points")


def _check_values(num: int, values: Tensor) -> None:
    if values.ndim != 2 or len(values) != num:
        raise InputError(f"values must have shape ({num}, C), not {tuple(values.shape)}")
