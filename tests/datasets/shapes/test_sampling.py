from __future__ import annotations

import pytest
import torch

from pcea.datasets.shapes import CATEGORIES, PARTS_OF, sample_shapes
from pcea.errors import InputError

NUM, POINTS = 3, 256


@pytest.fixture(scope="module")
def shapes() -> tuple[torch.Tensor, ...]:
    return sample_shapes(NUM, POINTS, seed=0)


def test_shapes_and_types(shapes: tuple[torch.Tensor, ...]) -> None:
    pos, normal, part, category = shapes
    total = NUM * len(CATEGORIES)
    assert pos.shape == normal.shape == (total, POINTS, 3)
    assert part.shape == (total, POINTS)
    assert pos.dtype == normal.dtype == torch.float32
    assert part.dtype == category.dtype == torch.int64
    assert category.bincount().tolist() == [NUM] * len(CATEGORIES)


def test_clouds_fill_the_unit_sphere(shapes: tuple[torch.Tensor, ...]) -> None:
    pos = shapes[0]
    torch.testing.assert_close(pos.mean(1), torch.zeros(len(pos), 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(pos.norm(dim=-1).amax(1), torch.ones(len(pos)))


def test_normals_are_units(shapes: tuple[torch.Tensor, ...]) -> None:
    length = shapes[1].norm(dim=-1)
    torch.testing.assert_close(length, torch.ones_like(length))


def test_part_ids_belong_to_the_category(shapes: tuple[torch.Tensor, ...]) -> None:
    _, _, part, category = shapes
    for ids, number in zip(part, category.tolist(), strict=True):
        assert set(ids.tolist()) <= set(PARTS_OF[number])


def test_more_objects_leave_the_first_ones_alone(shapes: tuple[torch.Tensor, ...]) -> None:
    fewer = sample_shapes(1, POINTS, seed=0)
    for many, few in zip(shapes, fewer, strict=True):
        assert many[::NUM].equal(few)


def test_seeds_give_different_objects(shapes: tuple[torch.Tensor, ...]) -> None:
    pos = torch.cat([shapes[0], sample_shapes(1, POINTS, seed=1)[0]])
    extent = pos.amax(1) - pos.amin(1)
    assert len(extent.unique(dim=0)) == len(pos)


@pytest.mark.parametrize(("num", "points", "seed"), [(0, 8, 0), (1, 0, 0), (1, 8, -1)])
def test_numbers_out_of_range_are_refused(num: int, points: int, seed: int) -> None:
    with pytest.raises(InputError, match="at least"):
        sample_shapes(num, points, seed)
