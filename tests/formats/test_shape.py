from __future__ import annotations

import sys

import pytest
import torch

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.geometry import three_interpolate, unit_sphere


def _cloud(num: int) -> Cloud:
    ids = torch.arange(num)
    pos = ids[:, None].float().expand(num, 3)
    color = ids[:, None].to(torch.uint8).expand(num, 3)
    return Cloud(pos=pos, normal=-pos, color=color, name="ramp")


def test_more_points_give_a_subset_without_repeats() -> None:
    sample = _cloud(100).sample(40)
    assert sample.pos[:, 0].unique().numel() == len(sample) == 40


def test_fewer_points_come_once_each_and_then_again() -> None:
    sample = _cloud(10).sample(25)
    assert torch.equal(sample.pos[:10], _cloud(10).pos)
    assert len(sample) == 25
    assert set(sample.pos[10:, 0].tolist()) <= set(range(10))


def test_as_many_points_stay_as_they_are() -> None:
    assert torch.equal(_cloud(10).sample(10).pos, _cloud(10).pos)


@pytest.mark.parametrize("num", [5, 30])
def test_normals_colours_and_name_follow_their_points(num: int) -> None:
    sample = _cloud(20).sample(num)
    assert sample.normal is not None
    assert sample.color is not None
    assert torch.equal(sample.normal, -sample.pos)
    assert torch.equal(sample.color, sample.pos.to(torch.uint8))
    assert sample.name == "ramp"


def test_a_bare_cloud_stays_bare() -> None:
    sample = Cloud(torch.rand(8, 3)).sample(4)
    assert sample.normal is None
    assert sample.color is None


@pytest.mark.parametrize("shape", [_cloud(100), Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))])
def test_a_seed_fixes_the_sample(shape: Cloud | Mesh) -> None:
    assert torch.equal(shape.sample(20, seed=1).pos, shape.sample(20, seed=1).pos)
    assert not torch.equal(shape.sample(20, seed=1).pos, shape.sample(20, seed=2).pos)


def test_a_mesh_is_sampled_with_its_normals() -> None:
    cloud = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]), name="tip").sample(50)
    assert cloud.name == "tip"
    assert cloud.normal is not None
    torch.testing.assert_close(cloud.pos.sum(1), torch.ones(50))  # in the plane x + y + z = 1
    torch.testing.assert_close(cloud.normal, torch.full((50, 3), 3**-0.5))


@pytest.mark.parametrize("shape", [_cloud(5), Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))])
def test_no_points_cannot_be_asked_for(shape: Cloud | Mesh) -> None:
    with pytest.raises(InputError, match="at least 1"):
        shape.sample(0)


def test_points_of_a_mesh_know_their_faces() -> None:
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [6, 0, 0], [5, 1, 0]])
    cloud = Mesh(corners, torch.tensor([[0, 1, 2], [3, 4, 5]])).sample(50)
    assert cloud.face is not None
    assert torch.equal(cloud.face, (cloud.pos[:, 0] > 3).long())

    half = cloud.sample(20)
    assert half.face is not None
    assert torch.equal(half.face, (half.pos[:, 0] > 3).long())


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_values_come_back_to_a_cloud(generator: torch.Generator, scale: float) -> None:
    cloud = Cloud(scale * torch.rand(400, 3, generator=generator))
    sample = cloud.sample(100)
    values = torch.rand(100, 4, generator=generator)
    found = cloud.carry_back(sample, values)
    placed = unit_sphere(torch.cat([cloud.pos, sample.pos]))
    expected = three_interpolate(placed[None, :400], placed[None, 400:], values[None])[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    at = (cloud.pos[:, None] == sample.pos).all(-1).nonzero()
    torch.testing.assert_close(found[at[:, 0]], values[at[:, 1]], rtol=1e-3, atol=1e-3)


def test_values_come_back_without_scipy(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, values = Cloud(torch.rand(200, 3, generator=generator)), torch.rand(50, 2)
    expected = cloud.carry_back(cloud.sample(50), values)
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    torch.testing.assert_close(cloud.carry_back(cloud.sample(50), values), expected)


def test_values_come_back_from_fewer_points_than_are_averaged() -> None:
    found = _cloud(5).carry_back(_cloud(5).sample(1), torch.tensor([[7.0]]))
    assert torch.equal(found, torch.full((5, 1), 7.0))


def test_values_come_back_to_a_mesh() -> None:
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    sample = mesh.sample(500)
    found = mesh.carry_back(sample, sample.pos)
    torch.testing.assert_close(found, sample.pos.amax(0).diag(), rtol=0, atol=5e-3)


def test_values_come_back_only_from_points_that_fit() -> None:
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    with pytest.raises(InputError, match="without faces"):
        mesh.carry_back(Cloud(torch.rand(4, 3)), torch.rand(4, 1))
    with pytest.raises(InputError, match=r"\(4, C\)"):
        mesh.carry_back(mesh.sample(4), torch.rand(3, 1))
    with pytest.raises(InputError, match=r"\(4, C\)"):
        _cloud(9).carry_back(Cloud(torch.rand(4, 3)), torch.rand(4))


def test_clouds_join() -> None:
    one, two = _cloud(3), _cloud(5)
    joined = Cloud.join([one, two])
    assert torch.equal(joined.pos, torch.cat([one.pos, two.pos]))
    assert joined.normal is not None and len(joined.normal) == 8
    assert joined.color is not None and len(joined.color) == 8
    assert joined.face is None
    assert joined.name == "ramp"
    assert Cloud.join([one, Cloud(two.pos)]).normal is None


def test_shapes_are_set_upright_with_their_normals_and_what_else_is_known() -> None:
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]), name="tip").upright("z")
    assert mesh.vertices.tolist() == [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    assert mesh.name == "tip" and mesh.faces.tolist() == [[0, 1, 2]]

    cloud = Cloud(torch.eye(3), -torch.eye(3), face=torch.arange(3)).upright("z")
    assert torch.equal(cloud.pos, mesh.vertices)
    assert cloud.normal is not None and torch.equal(cloud.normal, -mesh.vertices)
    assert cloud.face is not None and cloud.face.tolist() == [0, 1, 2]
