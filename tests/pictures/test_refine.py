import numpy as np
import pytest
import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.geometry import face_areas
from pcea.pictures import render
from pcea.pictures.refine import refine


@pytest.fixture
def mesh() -> Mesh:
    """Two triangles that share an edge, in different planes."""
    vertices = torch.tensor([[0.0, 0, 0], [3, 0, 0], [0, 2, 0], [2, 2, 1]])
    return Mesh(vertices, torch.tensor([[0, 1, 2], [1, 3, 2]]), "two")


def inside(mesh: Mesh, sample: Cloud) -> Tensor:
    """(P,) how far each point is from lying in its face, by areas."""
    corners = mesh.vertices[mesh.faces[sample.face]].double()
    pos = sample.pos.double()

    def area(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        return torch.linalg.cross(b - a, c - a).norm(dim=1)

    a, b, c = corners.unbind(1)
    return area(pos, a, b) + area(pos, b, c) + area(pos, c, a) - area(a, b, c)


def test_points_stay_in_their_faces(mesh: Mesh) -> None:
    sample = mesh.sample(200)
    fine, same = refine(mesh, sample, enough=100)
    assert len(fine.faces) == 2 * 4**3
    assert fine.name == "two"
    assert same.pos is sample.pos
    # Twice the area of a face here is at least 6 / 64.
    assert float(inside(fine, same).max()) < 1e-4
    assert torch.equal(same.face // 64, sample.face)


def test_the_surface_stays(mesh: Mesh) -> None:
    fine, _ = refine(mesh, mesh.sample(3), enough=30)
    before, after = face_areas(mesh.vertices, mesh.faces), face_areas(fine.vertices, fine.faces)
    torch.testing.assert_close(after.view(2, -1).sum(1), before)
    # An edge that two faces share is cut once: 2 triangles of side 4 have 15 + 15 − 5 vertices.
    assert len(fine.vertices) == 25
    normal = torch.linalg.cross(*(fine.vertices[fine.faces[:, i]] - fine.vertices[fine.faces[:, 0]]
                                  for i in (1, 2)))  # fmt: skip
    assert bool((normal[:16, 2] > 0).all())  # and is not turned over


def test_at_an_edge_there_is_a_vertex_for_each_normal() -> None:
    roof = Mesh(torch.tensor([[0.0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]),
                torch.tensor([[0, 1, 2], [0, 3, 1]]))  # fmt: skip
    fine, _ = refine(roof, roof.sample(3), enough=30)
    assert len(fine.vertices) == 30 and len(fine.vertices.unique(dim=0)) == 25
    assert bool((fine.normal.abs().amax(1) > 0.999).all())  # of one side or of the other


def test_enough_is_enough(mesh: Mesh) -> None:
    sample = mesh.sample(5)
    fine, same = refine(mesh, sample, enough=2)
    assert torch.equal(fine.faces, mesh.faces) and torch.equal(same.face, sample.face)


def test_flat_triangles() -> None:
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]])
    mesh = Mesh(vertices, torch.tensor([[0, 1, 2], [0, 2, 3], [3, 3, 3]]))
    sample = Cloud(vertices[[1, 3, 3]], face=torch.tensor([0, 1, 2]))
    fine, same = refine(mesh, sample, enough=40)
    corners = fine.vertices[fine.faces[same.face]]
    assert float((corners - sample.pos[:, None]).norm(dim=2).amin(1).max()) < 0.3


def test_points_without_faces(mesh: Mesh) -> None:
    with pytest.raises(InputError, match="do not say their faces"):
        refine(mesh, Cloud(mesh.vertices))


def test_a_fine_mesh_is_lit_as_the_coarse_one() -> None:
    # A tube of ten flat sides, which meet at 36 degrees: it is drawn round.
    turn = torch.arange(10) * (2 * torch.pi / 10)
    ring = torch.stack((turn.cos(), torch.zeros(10), turn.sin()), dim=1)
    k, n = torch.arange(10), (torch.arange(10) + 1) % 10
    faces = torch.cat((torch.stack((k, k + 10, n), 1), torch.stack((n, k + 10, n + 10), 1)))
    coarse = Mesh(torch.cat((ring, ring + torch.tensor([0.0, 1, 0]))), faces)
    fine, _ = refine(coarse, coarse.sample(1), enough=3000)
    flat = Mesh(fine.vertices, fine.faces)
    first, second, third = (
        render(shape, size=(96, 96)).astype(int) for shape in (coarse, fine, flat)
    )
    assert np.abs(first - second).mean() < 1  # of the light between corners, there is more now
    # As faces of their own, they would be seen.
    assert np.abs(first - third).mean() > 2
