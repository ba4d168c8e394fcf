"""Coarse meshes made fine enough to carry a picture of values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.explanation import Explanation
from pcea.formats import Cloud, Mesh
from pcea.geometry import SurfaceCarrier, upright
from pcea.pictures.normals import corner_normals, face_normals

# As fine as this, triangles are smaller than what a picture of a shape resolves.
ENOUGH_FACES = 12_000


@dataclass(frozen=True, eq=False, repr=False)
class FineMesh(Mesh):
    """A mesh that was cut, and is lit as the coarse one: a flat piece does not show its edges."""

    corner_normal: Tensor = field(kw_only=True)  # (F, 3, 3) unit normals of each face's corners

    def upright(self, up: str) -> FineMesh:
        """Turn the mesh, and with it its light, so that its up axis becomes y."""
        turned = super().upright(up)
        assert isinstance(turned, FineMesh)
        return replace(turned, corner_normal=upright(self.corner_normal, up))


@dataclass(frozen=True, eq=False)
class Refined:
    """An explanation on its shape as it is drawn: a mesh of few triangles is cut finer."""

    found: Explanation
    enough: int = ENOUGH_FACES

    @cached_property
    def _fine(self) -> tuple[Mesh | Cloud, Cloud]:
        shape, sample = self.found.shape, self.found.sample
        return refine(shape, sample, self.enough) if isinstance(shape, Mesh) else (shape, sample)

    @property
    def shape(self) -> Mesh | Cloud:
        """The shape as it is drawn, in its own axes."""
        return self._fine[0]

    @property
    def sample(self) -> Cloud:
        """The sampled points, with the faces of what is drawn."""
        return self._fine[1]

    @cached_property
    def _carrier(self) -> SurfaceCarrier | Explanation:
        fine, sample = self._fine
        # Where nothing was cut, the explanation knows the way already.
        if isinstance(fine, Cloud) or len(fine.faces) == len(self.found.shape.faces):  # type: ignore[union-attr]
            return self.found
        assert sample.face is not None
        return SurfaceCarrier(fine.vertices, fine.faces, sample.pos, sample.face)

    def carry(self, values: Tensor) -> Tensor:
        """Bring values at the points (P, C) to the vertices or points that are drawn, (V, C)."""
        return self._carrier.carry(values)


def refine(mesh: Mesh, sample: Cloud, enough: int = ENOUGH_FACES) -> tuple[FineMesh, Cloud]:
    """Cut each triangle into four, at the middles of its edges, until there are enough.

    The surface stays as it is, and so do the vertices that were there: they come first. It returns
    the mesh, and the sample, which must know its faces, on the new ones.
    """
    if sample.face is None:
        raise InputError("a mesh cannot be refined under points without faces")
    face = sample.face
    weight = _barycentric(mesh.vertices[mesh.faces[face]].double(), sample.pos.double())
    fine, _, cuts = _refine(mesh, mesh.vertices[:, :0], enough)
    for _ in range(cuts):
        # The middle triangle, unless one corner has more than half.
        most, corner = weight.max(1)
        near = most > 0.5
        face = 4 * face + torch.where(near, corner, 3)
        weight = torch.where(
            near[:, None], 2 * weight - torch.nn.functional.one_hot(corner, 3), 1 - 2 * weight
        )
    return fine, replace(sample, face=face)


def refine_values(mesh: Mesh, values: Tensor, enough: int = ENOUGH_FACES) -> tuple[Mesh, Tensor]:
    """Cut as :func:`refine` does; values (V, K) become (more, K) float64, the old ones first.

    On large triangles the color between two values is another one than that of the value between:
    a map's colors do not lie on a straight line.
    """
    return _refine(mesh, values, enough)[:2]


def _refine(mesh: Mesh, values: Tensor, enough: int) -> tuple[FineMesh, Tensor, int]:
    """The fine mesh, the values at its vertices, and how many times all faces were cut."""
    both, faces = torch.cat([mesh.vertices.double(), values.double()], dim=1), mesh.faces
    if isinstance(mesh, FineMesh):
        light = mesh.corner_normal
    else:
        corners = mesh.vertices.detach().cpu().numpy(), mesh.faces.cpu().numpy()
        light = torch.from_numpy(corner_normals(*corners, face_normals(*corners)))
    cuts = 0
    while 0 < len(faces) < enough:
        a, b, c = faces.unbind(1)
        edges = torch.stack([a, b, b, c, c, a], 1).view(-1, 2).sort(1).values  # (3F, 2)
        edges, which = edges.unique(dim=0, return_inverse=True)
        faces = _four(faces, which.view(-1, 3) + len(both))
        both = torch.cat([both, both[edges].mean(1)])
        light = _four(light, (light + light.roll(-1, 1)) / 2)
        cuts += 1
    light = torch.nn.functional.normalize(light, dim=2)
    fine = FineMesh(both[:, :3].float(), faces, mesh.name, corner_normal=light)
    return fine, both[:, 3:], cuts


def _four(corner: Tensor, middle: Tensor) -> Tensor:
    """Put four triangles, at the corners and in the middle, into the place of each: (4F, 3, …)."""
    a, b, c = corner.unbind(1)
    ab, bc, ca = middle.unbind(1)
    # Each corner of the middle triangle lies opposite the corner of the same number.
    four = torch.stack([a, ab, ca, ab, b, bc, ca, bc, c, bc, ca, ab], 1)
    return four.unflatten(1, (4, 3)).flatten(0, 1)


def _barycentric(corners: Tensor, pos: Tensor) -> Tensor:
    """(P, 3) weights of the corners (P, 3, 3) whose mean is each point, as near as may be."""
    edges = corners[:, 1:] - corners[:, :1]  # (P, 2, 3)
    rest = (pos - corners[:, 0]).unsqueeze(2)  # (P, 3, 1)
    # The pseudoinverse also takes triangles that are flat.
    two = (torch.linalg.pinv(edges.mT) @ rest)[..., 0]  # (P, 2)
    weight = torch.cat([1 - two.sum(1, keepdim=True), two], dim=1).clamp(0, 1)
    return weight / weight.sum(1, keepdim=True)
