from __future__ import annotations

import pytest
import torch

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh


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
