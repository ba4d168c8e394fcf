"""Carry values from some points of a shape to all its points or vertices."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.errors import InputError
from pcea.geometry.neighbors import three_interpolate
from pcea.geometry.surface import check_mesh, check_triples, weld

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = NDArray[Any]

# The weight of smoothness along the edges, relative to the fit at the points.
STIFFNESS = 0.3
# Limits of the cotangent weights, which would be extreme in very flat triangles.
LOWEST, HIGHEST = 0.05, 10.0
# Conjugate gradients stop at this relative residual, or after this number of steps.
TOLERANCE, MOST_STEPS = 1e-5, 300


def carry_to_vertices(
    vertices: Tensor, faces: Tensor, pos: Tensor, face: Tensor, values: Tensor
) -> Tensor:
    """Carry values (P, C) at points on a triangle mesh to its vertices: (V, C) float32 on the CPU.

    The result minimizes the error of its linear interpolation at the points, plus the differences
    along edges; each column stays within its range at the points. Only faces connect vertices, so
    the two sides of a thin wall do not mix. Vertices at the same place are treated as one. A
    component without points, or a vertex without faces, gets the values of the nearest point in
    space.

    Args:
        vertices: (V, 3) positions, any unit.
        faces: (F, 3) vertex indices; degenerate, repeated and non-manifold faces are allowed.
        pos: (P, 3) points, in the same unit.
        face: (P,) int64 index of the face that each point lies on.
        values: (P, C) at the points.

    Raises:
        InputError: the shapes do not fit, an index is out of range, or there are no points.

    Source:
        The Dirichlet energy with cotangent weights (here limited to positive ones): Pinkall and
        Polthier, *Computing discrete minimal surfaces and their conjugates*, 1993.
    """
    return SurfaceCarrier(vertices, faces, pos, face).carry(values)


class SurfaceCarrier:
    """The part of :func:`carry_to_vertices` that depends on the mesh and the points alone.

    On a large mesh, it takes as long as carrying ten columns. Arguments and errors are the same.
    """

    def __init__(self, vertices: Tensor, faces: Tensor, pos: Tensor, face: Tensor) -> None:
        from scipy.sparse import diags

        check_mesh(vertices, faces)
        check_triples(pos=pos)
        if face.shape != pos.shape[:1]:
            raise InputError(f"face must have shape ({len(pos)},), not {tuple(face.shape)}")
        if len(face) and not (int(face.min()) >= 0 and int(face.max()) < len(faces)):
            raise InputError(f"face must hold indices in 0..{len(faces) - 1}")
        _check_values(len(pos), pos)
        self._corner, num = weld(vertices.detach().cpu().numpy())
        places = np.empty((num, 3))
        places[self._corner] = vertices.detach().cpu().numpy()
        triangles = self._corner[faces.cpu().numpy()]  # (F, 3)
        on = pos.detach().cpu().double().numpy(), triangles[face.cpu().numpy()]
        self._nearest, reached = _nearest(places, triangles, *on)
        self._fit, self._matrix = _equations(places, triangles[reached[triangles[:, 0]]], *on)
        # Scaling the diagonal to 1 saves steps; an unused vertex has a diagonal of 0.
        diagonal = self._matrix.diagonal()
        self._scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1))
        scaled = diags(self._scale) @ self._matrix @ diags(self._scale)
        self._scaled = scaled.astype(np.float32).tocsr()

    def __repr__(self) -> str:
        return f"SurfaceCarrier({self._fit.shape[0]:,} points to {len(self._corner):,} vertices)"

    def carry(self, values: Tensor) -> Tensor:
        """Carry values (P, C) at the points to the vertices: (V, C) float32 on the CPU."""
        from scipy.sparse.linalg import cg

        _check_values(self._fit.shape[0], values)
        known = values.detach().cpu().double().numpy()  # (P, C)
        carried = np.empty((len(self._nearest), known.shape[1]), np.float32)
        # Column by column, so that the vectors stay in the processor's caches.
        for own, out in zip(known.T, carried.T, strict=True):  # (P,), (W,)
            start, right = own[self._nearest], self._fit.T @ own
            # Solve for the difference from the value of the nearest point, which is often 0.
            rest = (self._scale * (right - self._matrix @ start)).astype(np.float32)
            goal = TOLERANCE * float(np.linalg.norm(self._scale * right))
            change, _ = cg(self._scaled, rest, rtol=0.0, atol=goal, maxiter=MOST_STEPS)
            out[:] = (start + self._scale * change).clip(own.min(), own.max())
        return torch.from_numpy(carried[self._corner])  # (V, C)


def carry_to_points(query: Tensor, pos: Tensor, values: Tensor, k: int = 3) -> Tensor:
    """Carry values (P, C) at ``pos`` (P, 3) to ``query`` (N, 3) in the same unit: (N, C) float32.

    Computes :func:`pcea.geometry.three_interpolate` of the cloud in the unit sphere, in float64 on
    the CPU.
    """
    check_triples(query=query, pos=pos)
    _check_values(len(pos), values)
    query, pos, known = (each.detach().cpu().double() for each in (query, pos, values))
    center = query.mean(0)
    radius = (query - center).norm(dim=1).max().clamp(min=torch.finfo(torch.float64).tiny)
    query, pos = (query - center) / radius, (pos - center) / radius
    return three_interpolate(query[None], pos[None], known[None], k=k)[0].float()


def barycentric(pos: Array, corners: Array) -> Array:
    """Return barycentric weights (P, 3) in triangles (P, 3, 3); equal ones in degenerate ones."""
    toward = corners - pos[:, None]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])  # (P, 3)
    across = np.cross(toward[:, [1, 2, 0]], toward[:, [2, 0, 1]])  # (P, 3, 3)
    area = np.square(normal).sum(1, keepdims=True)
    weight = np.einsum("pic,pc->pi", across, normal) / np.where(area > 0, area, 1)
    weight = weight.clip(0, 1)  # rounding may put a point slightly outside
    weight[weight.sum(1) == 0] = 1
    return weight / weight.sum(1, keepdims=True)


def _nearest(places: Array, triangles: Array, pos: Array, corners: Array) -> tuple[Array, Array]:
    """Find the point nearest to each place, (W,), and which places are connected to one, (W,)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components, dijkstra
    from scipy.spatial import cKDTree

    num, total = len(places), len(places) + len(pos)
    points = np.arange(num, total)
    row = np.concatenate([triangles.ravel(), np.repeat(points, 3)])
    column = np.concatenate([np.roll(triangles, -1, axis=1).ravel(), corners.ravel()])
    everything = np.concatenate([places, pos])
    length = np.linalg.norm(everything[row] - everything[column], axis=1)
    # A sparse graph cannot have edges of length zero.
    length = np.maximum(length, 1e-12 * max(length.max(), np.finfo(float).tiny * 1e13))
    # An edge of several faces is summed up and too long, which a first guess tolerates.
    graph = csr_matrix((length, (row, column)), shape=(total, total))
    origin = dijkstra(
        graph, directed=False, indices=points, min_only=True, return_predecessors=True
    )[2]
    nearest = origin[:num].astype(np.int64) - num
    reached = nearest >= 0
    apart = np.flatnonzero(~reached)
    if len(apart):
        distance, point = cKDTree(pos).query(places[apart])
        component = connected_components(graph, directed=False)[1][apart]
        # All places of a component get the point that is nearest to the component.
        order = np.argsort(distance, kind="stable")
        _, first, member = np.unique(component[order], return_index=True, return_inverse=True)
        nearest[apart[order]] = point[order][first][member]
    return nearest, reached


def _equations(
    places: Array, triangles: Array, pos: Array, corners: Array
) -> "tuple[csr_matrix, csr_matrix]":
    """Return the interpolation at the points, (P, W), and the normal equations' matrix, (W, W)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import laplacian

    num = len(places)
    row = np.repeat(np.arange(len(pos)), 3)
    own = barycentric(pos, places[corners])
    fit = csr_matrix((own.ravel(), (row, corners.ravel())), shape=(len(pos), num))
    apex = places[triangles]  # (F, 3, 3)
    left, right = apex[:, [1, 2, 0]] - apex, apex[:, [2, 0, 1]] - apex
    with np.errstate(divide="ignore", invalid="ignore"):
        # (F, 3), for the edge opposite each corner
        cotangent = (left * right).sum(2) / np.linalg.norm(np.cross(left, right), axis=2)
    weight = np.nan_to_num(0.5 * cotangent, nan=LOWEST).clip(LOWEST, HIGHEST)
    start, end = (triangles[:, turn].ravel() for turn in ([1, 2, 0], [2, 0, 1]))
    joined = csr_matrix((weight.ravel(), (start, end)), shape=(num, num))
    return fit, (fit.T @ fit + STIFFNESS * laplacian(joined + joined.T)).tocsr()


def _check_values(num: int, values: Tensor) -> None:
    if values.ndim != 2 or len(values) != num:
        raise InputError(f"values must have shape ({num}, C), not {tuple(values.shape)}")
    if not num:
        raise InputError("no values can be carried: there are no points")
