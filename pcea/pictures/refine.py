"""Subdivide coarse meshes, so that they can carry values from sampled points."""

from dataclasses import replace

import numpy as np
import torch

from pcea.errors import InputError
from pcea.explanation import Explanation
from pcea.formats import Cloud, Mesh
from pcea.geometry import SurfaceCarrier
from pcea.geometry.carry import barycentric
from pcea.pictures.normals import corner_normals

# With so many triangles, each is smaller than the details that a picture of the shape shows.
ENOUGH_FACES = 12_000


class FineMesh(Mesh):
    """A subdivided mesh. Its normals (V, 3) give it the same shading as the coarse mesh.

    At a sharp edge there is one vertex for each normal.
    """


def refine(
    shape: Mesh | Cloud, sample: Cloud, enough: int = ENOUGH_FACES
) -> tuple[Mesh | Cloud, Cloud]:
    """Cut each triangle into four, at the middles of its edges, until there are enough.

    The surface does not change. Returns the mesh, and the sample with the indices of the new faces;
    the sample must have those of the old ones. A cloud, or a mesh with enough triangles, is
    returned unchanged.
    """
    if isinstance(shape, Cloud) or not 0 < len(shape.faces) < enough:
        return shape, sample
    if sample.face is None:
        raise InputError("a mesh cannot be subdivided: the sampled points do not say their faces")
    import trimesh  # slow to import, and only coarse meshes need it

    vertices = shape.vertices.detach().cpu().double().numpy()
    faces, face = shape.faces.cpu().numpy(), sample.face.cpu().numpy()
    corner = np.concatenate([vertices[faces], corner_normals(vertices, faces)], axis=2)
    pos, cut = np.unique(corner.reshape(-1, 6), axis=0, return_inverse=True)
    cut = cut.reshape(-1, 3)
    on = sample.pos.detach().cpu().double().numpy()
    weight = barycentric(on, vertices[faces[face]])  # (P, 3)
    while len(cut) < enough:
        pos, cut = trimesh.remesh.subdivide(pos, cut)
        # A point is in the middle triangle, the last one, unless a corner has over half the weight.
        most = weight.argmax(1)
        near = weight.max(1) > 0.5
        face = 4 * face + np.where(near, most, 3)
        ahead, middle = 2 * weight - np.eye(3)[most], 1 - 2 * np.roll(weight, 1, axis=1)
        weight = np.where(near[:, None], ahead, middle)
    fine, normal = torch.from_numpy(pos).float().split(3, dim=1)
    mesh = FineMesh(fine, torch.from_numpy(cut), shape.name, normal)
    return mesh, replace(sample, face=torch.from_numpy(face))


class Refined:
    """The shape of an explanation as it is drawn: a mesh of few triangles is subdivided.

    Args:
        found: the explanation.
        enough: the least number of triangles.
    """

    def __init__(self, found: Explanation, enough: int = ENOUGH_FACES) -> None:
        self.shape, self.sample = refine(found.shape, found.sample, enough)
        # Carries values at the sampled points (P, C) to the drawn vertices or points, (V, C).
        self.carry = found.carry
        if isinstance(self.shape, FineMesh):
            assert self.sample.face is not None
            surface = self.shape.vertices, self.shape.faces
            self.carry = SurfaceCarrier(*surface, self.sample.pos, self.sample.face).carry
