"""Values at some points of a shape, brought back to all of it."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.errors import InputError
from pcea.geometry.interpolation import three_interpolate
from pcea.geometry.surface import check_mesh, check_triples, weld

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
        # The diagonal becomes 1, which takes fewer steps; where it is 0, there is no equation.
        diagonal = self._matrix.diagonal()
        self._scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1))
        scaled = diags(self._scale) @ self._matrix @ diags(self._scale)
        self._scaled = scaled.astype(np.float32).tocsr()

    def __repr__(self) -> str:
        return f"SurfaceCarrier({self._fit.shape[0]:,} points to {len(self._corner):,} vertices)"

    def carry(self, values: Tensor) -> Tensor:
        """Bring values (P, C) at the points to the vertices: (V, C) float32 on the CPU."""
        from scipy.sparse.linalg import cg

        _check_values(self._fit.shape[0], values)
        known = values.detach().cpu().double().numpy()  # (P, C)
        carried = np.empty((len(self._nearest), known.shape[1]), np.float32)
        # Column by column: the vectors of one stay in the processor's caches.
        for own, out in zip(known.T, carried.T, strict=True):  # (P,), (W,)
            start, right = own[self._nearest], self._fit.T @ own
            # What is solved for is the way from the nearest point's value: 0 where that is it.
            rest = (self._scale * (right - self._matrix @ start)).astype(np.float32)
            goal = TOLERANCE * float(np.linalg.norm(self._scale * right))
            change, _ = cg(self._scaled, rest, rtol=0.0, atol=goal, maxiter=MOST_STEPS)
            out[:] = (start + self._scale * change).clip(own.min(), own.max())
        return torch.from_numpy(carried[self._corner])  # (V, C)


def carry_to_points(query: Tensor, pos: Tensor, values: Tensor, k: int = 3) -> Tensor:
    """Bring values (P, C) at ``pos`` (P, 3) to ``query`` (N, 3) in the same unit: (N, C) float32.

    It gives what :func:`pcea.geometry.three_interpolate` gives once the cloud is scaled to the unit
    sphere, in float64 on the CPU.
    """
    check_triples(query=query, pos=pos)
    _check_values(len(pos), values)
    query, pos, known = (each.detach().cpu().double() for each in (query, pos, values))
    center = query.mean(0)
    radius = (query - center).norm(dim=1).max().clamp(min=torch.finfo(torch.float64).tiny)
    query, pos = (query - center) / radius, (pos - center) / radius
    return three_interpolate(query[None], pos[None], known[None], k=k)[0].float()


def barycentric(pos: Array, corners: Array) -> Array:
    """Give points as means of triangles' corners (P, 3, 3): (P, 3) weights, equal where flat."""
    toward = corners - pos[:, None]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])  # (P, 3)
    across = np.cross(toward[:, [1, 2, 0]], toward[:, [2, 0, 1]])  # (P, 3, 3)
    area = np.square(normal).sum(1, keepdims=True)
    weight = np.einsum("pic,pc->pi", across, normal) / np.where(area > 0, area, 1)
    weight = weight.clip(0, 1)  # what rounding put beside its face comes back
    weight[weight.sum(1) == 0] = 1
    return weight / weight.sum(1, keepdims=True)


def _nearest(places: Array, triangles: Array, pos: Array, corners: Array) -> tuple[Array, Array]:
    """Which point each place is nearest to, (W,), and to which places a way leads, (W,)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components, dijkstra
    from scipy.spatial import cKDTree

    num, total = len(places), len(places) + len(pos)
    points = np.arange(num, total)
    row = np.concatenate([triangles.ravel(), np.repeat(points, 3)])
    column = np.concatenate([np.roll(triangles, -1, axis=1).ravel(), corners.ravel()])
    everything = np.concatenate([places, pos])
    length = np.linalg.norm(everything[row] - everything[column], axis=1)
    # A graph holds no edge of length zero.
    length = np.maximum(length, 1e-12 * max(length.max(), np.finfo(float).tiny * 1e13))
    # Where faces repeat an edge it is longer here, which does no harm to a first guess.
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
        # The nearest place of each component decides for all of it.
        order = np.argsort(distance, kind="stable")
        _, first, member = np.unique(component[order], return_index=True, return_inverse=True)
        nearest[apart[order]] = point[order][first][member]
    return nearest, reached


def _equations(
    places: Array, triangles: Array, pos: Array, corners: Array
) -> "tuple[csr_matrix, csr_matrix]":
    """The interpolation at the points, (P, W), and the matrix of the normal equations, (W, W)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import laplacian

    num = len(places)
    row = np.repeat(np.arange(len(pos)), 3)
    own = barycentric(pos, places[corners])
    fit = csr_matrix((own.ravel(), (row, corners.ravel())), shape=(len(pos), num))
    apex = places[triangles]  # (F, 3, 3)
    left, right = apex[:, [1, 2, 0]] - apex, apex[:, [2, 0, 1]] - apex
    with np.errstate(divide="ignore", invalid="ignore"):
        # (F, 3) of the edge opposite each corner
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
