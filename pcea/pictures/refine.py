"""Coarse meshes cut fine enough to carry values from sampled points."""

from dataclasses import replace

import numpy as np
import torch
import trimesh

from pcea.errors import InputError
from pcea.explanation import Explanation
from pcea.formats import Cloud, Mesh
from pcea.geometry import SurfaceCarrier
from pcea.geometry.carry import barycentric
from pcea.pictures.normals import corner_normals

# As fine as this, triangles are smaller than what a picture of a shape resolves.
ENOUGH_FACES = 12_000


class FineMesh(Mesh):
    """A mesh that was cut. It has normals (V, 3), by which it is lit as the coarse one.

    At an edge there is one vertex for each normal; a flat piece does not show where it was cut.
    """


def refine(
    shape: Mesh | Cloud, sample: Cloud, enough: int = ENOUGH_FACES
) -> tuple[Mesh | Cloud, Cloud]:
    """Cut each triangle into four, at the middles of its edges, until there are enough.

    The surface stays as it is. It returns the mesh, and the sample, which must know its faces, on
    the new ones; a cloud and a mesh that has enough triangles come back as they are.
    """
    if isinstance(shape, Cloud) or not 0 < len(shape.faces) < enough:
        return shape, sample
    if sample.face is None:
        raise InputError("a mesh cannot be refined under points without faces")
    vertices = shape.vertices.detach().cpu().double().numpy()
    faces, face = shape.faces.cpu().numpy(), sample.face.cpu().numpy()
    corner = np.concatenate([vertices[faces], corner_normals(vertices, faces)], axis=2)
    pos, cut = np.unique(corner.reshape(-1, 6), axis=0, return_inverse=True)
    cut = cut.reshape(-1, 3)
    on = sample.pos.detach().cpu().double().numpy()
    weight = barycentric(on, vertices[faces[face]])  # (P, 3)
    while len(cut) < enough:
        pos, cut = trimesh.remesh.subdivide(pos, cut)
        # The middle triangle, which comes last, unless one corner has more than half.
        most = weight.argmax(1)
        near = weight.max(1) > 0.5
        face = 4 * face + np.where(near, most, 3)
        ahead, middle = 2 * weight - np.eye(3)[most], 1 - 2 * np.roll(weight, 1, axis=1)
        weight = np.where(near[:, None], ahead, middle)
    fine, normal = torch.from_numpy(pos).float().split(3, dim=1)
    mesh = FineMesh(fine, torch.from_numpy(cut), shape.name, normal)
    return mesh, replace(sample, face=torch.from_numpy(face))


class Refined:
    """An explanation on its shape as it is drawn: a mesh of few triangles is cut finer.

    Args:
        found: the explanation.
        enough: how many triangles are enough.
    """

    def __init__(self, found: Explanation, enough: int = ENOUGH_FACES) -> None:
        self.shape, self.sample = refine(found.shape, found.sample, enough)
        # It brings values at the points (P, C) to the vertices or points that are drawn, (V, C).
        self.carry = found.carry
        if isinstance(self.shape, FineMesh):
            assert self.sample.face is not None
            surface = self.shape.vertices, self.shape.faces
            self.carry = SurfaceCarrier(*surface, self.sample.pos, self.sample.face).carry
