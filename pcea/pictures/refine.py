"""Coarse meshes made fine enough to carry a picture of values."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh

# As fine as this, triangles are smaller than what a picture of a shape resolves.
ENOUGH_FACES = 12_000


def refine(mesh: Mesh, sample: Cloud, enough: int = ENOUGH_FACES) -> tuple[Mesh, Cloud]:
    """Cut each triangle into four, at the middles of its edges, until there are enough.

    The surface stays as it is, and so do the vertices that were there: they come first.

    Args:
        mesh: the mesh.
        sample: points on it that know their faces.
        enough: faces from which on nothing is cut. Default 12,000.

    Returns:
        The mesh, and the same points on its faces.

    Raises:
        InputError: the points know no faces.
    """
    if sample.face is None:
        raise InputError("a mesh cannot be refined under points without faces")
    vertices, faces, face = mesh.vertices, mesh.faces, sample.face
    weight = _barycentric(vertices[faces[face]].double(), sample.pos.double())
    while 0 < len(faces) < enough:
        vertices, faces = _cut(vertices, faces)
        # The middle triangle, unless one corner has more than half.
        most, corner = weight.max(1)
        near = most > 0.5
        face = 4 * face + torch.where(near, corner, 3)
        weight = torch.where(
            near[:, None], 2 * weight - torch.nn.functional.one_hot(corner, 3), 1 - 2 * weight
        )
    return Mesh(vertices, faces, mesh.name), replace(sample, face=face)


def _cut(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Four faces for each: those at its corners a, b and c, and the middle one."""
    a, b, c = faces.unbind(1)
    edges = torch.stack([b, c, c, a, a, b], 1).view(-1, 2).sort(1).values  # (3F, 2)
    edges, which = edges.unique(dim=0, return_inverse=True)
    middle = vertices[edges].mean(1)
    bc, ca, ab = (which.view(-1, 3) + len(vertices)).unbind(1)
    # Each corner of the middle face lies opposite the corner of the same number.
    four = torch.stack([a, ab, ca, ab, b, bc, ca, bc, c, bc, ca, ab], 1)  # (F, 12)
    return torch.cat([vertices, middle]), four.view(-1, 3)


def _barycentric(corners: Tensor, pos: Tensor) -> Tensor:
    """(P, 3) weights of the corners (P, 3, 3) whose mean is each point, as near as may be."""
    edges = corners[:, 1:] - corners[:, :1]  # (P, 2, 3)
    rest = (pos - corners[:, 0]).unsqueeze(2)  # (P, 3, 1)
    # The pseudoinverse also takes triangles that are flat.
    two = (torch.linalg.pinv(edges.mT) @ rest)[..., 0]  # (P, 2)
    weight = torch.cat([1 - two.sum(1, keepdim=True), two], dim=1).clamp(0, 1)
    return weight / weight.sum(1, keepdim=True)
