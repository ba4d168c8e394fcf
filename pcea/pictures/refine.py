"""Coarse meshes made fine enough to carry a picture of values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.geometry import upright
from pcea.pictures.normals import corner_normals, face_normals

# As fine as this, triangles are smaller than what a picture of a shape resolves.
ENOUGH_FACES = 12_000


@dataclass(frozen=True, eq=False, repr=False)
class FineMesh(Mesh):
    """A mesh that was cut, and is lit as the coarse one: a flat piece does not show its edges.

    Args:
        corner_normal: (F, 3, 3) unit normals at the corners of each face; default: those of the
            faces as they are.
    """

    corner_normal: Tensor | None = None

    def upright(self, up: str) -> FineMesh:
        """Turn the mesh, and with it its light, so that its up axis becomes y."""
        turned = super().upright(up)
        assert isinstance(turned, FineMesh)
        normal = None if self.corner_normal is None else upright(self.corner_normal, up)
        return replace(turned, corner_normal=normal)


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
    normal = _normals(mesh)
    while 0 < len(faces) < enough:
        vertices, faces, normal = *_cut(vertices, faces), _cut_corners(normal)
        # The middle triangle, unless one corner has more than half.
        most, corner = weight.max(1)
        near = most > 0.5
        face = 4 * face + torch.where(near, corner, 3)
        weight = torch.where(
            near[:, None], 2 * weight - torch.nn.functional.one_hot(corner, 3), 1 - 2 * weight
        )
    return _fine(vertices, faces, mesh.name, normal), replace(sample, face=face)


def refine_values(mesh: Mesh, values: Tensor, enough: int = ENOUGH_FACES) -> tuple[Mesh, Tensor]:
    """Cut triangles as :func:`refine` does, and give the new vertices values between the old ones.

    On large triangles the colour between two values is another one than that of the value between:
    a map's colours do not lie on a straight line.

    Args:
        mesh: the mesh.
        values: (V, K) values at its vertices.
        enough: faces from which on nothing is cut. Default 12,000.

    Returns:
        The mesh, and the values (more, K) float64 at its vertices, the old ones first.
    """
    both, faces = torch.cat([mesh.vertices.double(), values.double()], dim=1), mesh.faces
    normal = _normals(mesh)
    while 0 < len(faces) < enough:
        both, faces, normal = *_cut(both, faces), _cut_corners(normal)
    return _fine(both[:, :3].float(), faces, mesh.name, normal), both[:, 3:]


def _normals(mesh: Mesh) -> Tensor:
    if isinstance(mesh, FineMesh) and mesh.corner_normal is not None:
        return mesh.corner_normal
    vertices, faces = mesh.vertices.detach().cpu().numpy(), mesh.faces.cpu().numpy()
    return torch.from_numpy(corner_normals(vertices, faces, face_normals(vertices, faces)))


def _fine(vertices: Tensor, faces: Tensor, name: str, normal: Tensor) -> FineMesh:
    light = torch.nn.functional.normalize(normal, dim=2)
    return FineMesh(vertices, faces, name, corner_normal=light)


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


def _cut_corners(value: Tensor) -> Tensor:
    """(4F, 3, C) what is known at the corners (F, 3, C), for the faces of :func:`_cut`."""
    a, b, c = value.unbind(1)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    four = torch.stack([a, ab, ca, ab, b, bc, ca, bc, c, bc, ca, ab], 1)  # (F, 12, C)
    return four.view(-1, 3, value.shape[2])


def _barycentric(corners: Tensor, pos: Tensor) -> Tensor:
    """(P, 3) weights of the corners (P, 3, 3) whose mean is each point, as near as may be."""
    edges = corners[:, 1:] - corners[:, :1]  # (P, 2, 3)
    rest = (pos - corners[:, 0]).unsqueeze(2)  # (P, 3, 1)
    # The pseudoinverse also takes triangles that are flat.
    two = (torch.linalg.pinv(edges.mT) @ rest)[..., 0]  # (P, 2)
    weight = torch.cat([1 - two.sum(1, keepdim=True), two], dim=1).clamp(0, 1)
    return weight / weight.sum(1, keepdim=True)
