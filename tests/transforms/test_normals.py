"""Normals estimated, flipped and missing."""

import pytest
import torch
from torch import Generator

from pcea.datasets import Batch
from pcea.geometry import estimate_normals
from pcea.transforms.normals import DropNormals, EstimateNormals, FlipNormals


@pytest.fixture
def batch(generator: Generator) -> Batch:
    pos = torch.nn.functional.normalize(torch.randn(400, 30, 3, generator=generator), dim=-1)
    return Batch(pos, torch.zeros(400), pos)


def test_they_are_estimated_where_there_are_none_and_where_there_are(batch: Batch) -> None:
    few = Batch(batch.pos[:2], batch.category[:2], -batch.pos[:2])
    expected = estimate_normals(few.pos, k=10)
    for given in (few, Batch(few.pos, few.category)):
        found = EstimateNormals(10)(given).normal
        assert found is not None and torch.equal(found, expected)
    assert (expected * few.pos).sum(-1).mean() > 0.8


def test_half_of_the_clouds_are_flipped_as_a_whole(batch: Batch, generator: Generator) -> None:
    out = FlipNormals()(batch, generator)
    assert out.normal is not None
    side = (out.normal * batch.pos).sum(-1).round()
    assert torch.equal(side, side[:, :1].expand_as(side))
    assert (side[:, 0] < 0).float().mean().item() == pytest.approx(0.5, abs=0.08)


def test_some_points_are_flipped(batch: Batch, generator: Generator) -> None:
    out = FlipNormals(0.2, probability=1)(batch, generator)
    assert out.normal is not None
    flipped = (out.normal * batch.pos).sum(-1) < 0
    assert flipped.float().mean().item() == pytest.approx(0.2, abs=0.02)


def test_a_third_of_the_clouds_lose_theirs(batch: Batch, generator: Generator) -> None:
    out = DropNormals(probability=1 / 3)(batch, generator)
    assert out.normal is not None
    zero = (out.normal == 0).all(-1)
    assert torch.equal(zero, zero[:, :1].expand_as(zero))
    assert zero[:, 0].float().mean().item() == pytest.approx(1 / 3, abs=0.08)


def test_without_normals_nothing_is_flipped_or_lost(batch: Batch) -> None:
    bare = Batch(batch.pos, batch.category)
    assert FlipNormals()(bare).normal is None and DropNormals()(bare).normal is None
