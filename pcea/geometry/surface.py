"""Triangle meshes: areas, points sampled from the surface, and vertices at the same place."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.errors import InputError, checked


def face_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Compute the areas of faces (F, 3) of vertices (V, 3), (F,) float64, in their unit squared."""
    return 0.5 * _cross(vertices, faces).norm(dim=-1)


@checked(num=1)
def sample_surface(
    vertices: Tensor, faces: Tensor, num: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Sample points uniformly by area from the faces (F, 3) of a mesh of vertices (V, 3).

    Returns points (num, 3) in the dtype of ``vertices``, the unit normals (num, 3) of their faces,
    on the side from which the corners are counter-clockwise, and the index of the faces, (num,)
    int64. Faces without area are never chosen. The generator must be on the device of
    ``vertices``; the same state gives the same points. An InputError says that the shapes do not
    fit, an index is out of range, ``num`` is below 1, or no face has an area. Source: Osada et al.,
    Shape Distributions, ACM TOG 2002, but with a folded square instead of the square root.
    """
    check_mesh(vertices, faces)
    device = vertices.device
    normals = _cross(vertices, faces)  # (F, 3), twice the area long
    cumulative = (0.5 * normals.norm(dim=-1)).cumsum(0)  # (F,)
    total = cumulative[-1:].sum()
    if not (total.isfinite() and total > 0):
        raise InputError("cannot sample the mesh: none of its faces has an area")

    u, v, w = torch.rand(3, num, dtype=torch.float64, device=device, generator=generator)
    # right=True skips faces without area, where the sum does not rise. Rounding can raise w * total
    # to the total, which is no face, so the largest double below it is the limit.
    below_total = torch.nextafter(total, total.new_zeros(()))
    face = torch.searchsorted(cumulative, (w * total).clamp(max=below_total), right=True)  # (num,)

    outside = u + v > 1  # fold the far half of the parallelogram back onto the triangle
    u, v = torch.where(outside, 1 - u, u), torch.where(outside, 1 - v, v)
    a, b, c = vertices.double()[faces[face]].unbind(1)  # (num, 3) each
    pos = a + u[:, None] * (b - a) + v[:, None] * (c - a)
    normal = normals[face]
    normal = normal / normal.norm(dim=-1, keepdim=True)
    return pos.to(vertices.dtype), normal.to(vertices.dtype), face


def _cross(vertices: Tensor, faces: Tensor) -> Tensor:
    # float64: the squares of very small or very large coordinates leave float32's range.
    a, b, c = vertices.double()[faces].unbind(1)  # (F, 3) each
    return torch.linalg.cross(b - a, c - a)


def check_triples(**tensors: Tensor) -> None:
    """Raise an InputError unless each tensor has three columns."""
    for name, tensor in tensors.items():
        if tensor.ndim != 2 or tensor.shape[1] != 3:
            raise InputError(f"{name} must have shape (…, 3), not {tuple(tensor.shape)}")


def check_faces(faces: Tensor | NDArray[Any], num: int) -> None:
    """Raise an InputError if (F, 3) faces refer to vertices other than 0 to num − 1."""
    low, high = (int(faces.min()), int(faces.max())) if len(faces) else (0, -1)
    if low < 0 or high >= num:
        raise InputError(
            f"a face refers to vertex {low if low < 0 else high} (counted from 0), but there"
            f" are {num} vertices"
        )


def check_mesh(vertices: Tensor, faces: Tensor) -> None:
    """Raise an InputError unless these are vertices (V, 3) and faces (F, 3) of them."""
    check_triples(vertices=vertices, faces=faces)
    check_faces(faces, len(vertices))


def weld(vertices: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Merge vertices (V, 3) that are equal in float32, as in STL files and at texture seams.

    Returns the place of each vertex, (V,) in 0 … W − 1, and the number of places W.
    """
    pos = np.ascontiguousarray(vertices, np.float32) + np.float32(0.0)  # -0.0 is 0.0
    bits = pos.view(np.uint32).astype(np.uint64)  # (V, 3)
    # Integers sort several times faster than triples: first x with y, then these with z.
    line = np.unique(bits[:, 0] << np.uint64(32) | bits[:, 1], return_inverse=True)[1]
    places, corner = np.unique(
        line.astype(np.uint64) << np.uint64(32) | bits[:, 2], return_inverse=True
    )
    return corner, len(places)
