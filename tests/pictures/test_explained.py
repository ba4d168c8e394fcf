"""Pictures of explanations; what the command writes is tested with the command."""

from __future__ import annotations

import torch

from pcea.formats import Cloud, Mesh
from pcea.pictures.explained.base import with_mark


def test_the_mark_of_a_query_point() -> None:
    place = torch.tensor([0.0, 1.0, 0.0])
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    marked, num = with_mark(mesh, place)
    assert isinstance(marked, Mesh) and torch.equal(marked.vertices[:3], mesh.vertices)
    a, b, c = (marked.vertices[marked.faces[1:]] - place).unbind(1)
    assert bool(((torch.linalg.cross(b - a, c - a) * (a + b + c)).sum(1) > 0).all())  # outwards
    assert float((marked.vertices[-num:] - place).norm(dim=1).max()) < 0.1
    cloud, _ = with_mark(Cloud(torch.eye(3), torch.eye(3)), place)
    assert isinstance(cloud, Cloud) and cloud.normal.shape == cloud.pos.shape == (3 + num, 3)
