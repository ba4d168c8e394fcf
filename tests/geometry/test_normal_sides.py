"""The share of normals on the other side, of shapes whose normals have a formula."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from pcea.geometry import opposite_sides

Shape = Callable[[Generator], tuple[Tensor, Tensor]]


def sphere(generator: Generator) -> tuple[Tensor, Tensor]:
    normal = normalize(torch.randn(1500, 3, generator=generator), dim=-1)
    return normal.clone(), normal


def box(generator: Generator) -> tuple[Tensor, Tensor]:
    normal = torch.cat([torch.eye(3), -torch.eye(3)])[torch.arange(1500) % 6]
    across = 2 * torch.rand(1500, 3, generator=generator) - 1
    return torch.where(normal == 0, across, normal), normal


def plate(generator: Generator) -> tuple[Tensor, Tensor]:
    """Thinner than the distance of its points: neighbors have truly opposite normals."""
    normal = torch.tensor([0.0, 0.0, 1.0]) * (1 - 2 * (torch.arange(1500) % 2))[:, None]
    across = 2 * torch.rand(1500, 3, generator=generator) - 1
    return torch.where(normal == 0, across, 0.015 * normal), normal


def cup(generator: Generator) -> tuple[Tensor, Tensor]:
    """Two walls around a hollow, without bottom."""
    turn, height = torch.rand(2, 2000, generator=generator)
    turn = 2 * math.pi * turn
    flat = torch.stack([turn.cos(), torch.zeros(2000), turn.sin()], dim=-1)
    inner = (torch.arange(2000) % 2 == 0)[:, None]
    up = torch.tensor([0.0, 1.5, 0.0]) * height[:, None]
    return flat * torch.where(inner, 0.85, 1.0) + up, torch.where(inner, -flat, flat)


def hollow_ball(generator: Generator) -> tuple[Tensor, Tensor]:
    """A wall much thinner than the distance of its points, around a hollow."""
    out = normalize(torch.randn(2000, 3, generator=generator), dim=-1)
    inner = (torch.arange(2000) % 2 == 0)[:, None]
    return torch.where(inner, 0.98 * out, out), torch.where(inner, -out, out)


def table(generator: Generator) -> tuple[Tensor, Tensor]:
    """A plate on four legs, which are closed boxes."""
    pos, normal = plate(generator)
    leg = torch.arange(600) % 4
    out = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0]])
    side = out[torch.randint(4, (600,), generator=generator)]
    across = 2 * torch.rand(600, 3, generator=generator) - 1
    legs = 0.08 * torch.where(side == 0, across, side)
    legs[:, :2] += torch.tensor([[0.8, 0.8], [-0.8, 0.8], [0.8, -0.8], [-0.8, -0.8]])[leg]
    legs[:, 2] = -0.6 * (across[:, 2] + 1)
    return torch.cat([pos, legs]), torch.cat([normal, side])


def half_sphere(generator: Generator) -> tuple[Tensor, Tensor]:
    """What a scanner in front of a sphere sees."""
    pos, normal = sphere(generator)
    front = pos[:, 2] > 0
    return pos[front], normal[front]


SHAPES: list[Shape] = [sphere, box, plate, cup, hollow_ball, table]


def share(pos: Tensor, normal: Tensor) -> float:
    return float(opposite_sides(pos[None], normal[None]))


def flipped(normal: Tensor, part: float, generator: Generator) -> Tensor:
    flip = torch.rand(len(normal), 1, generator=generator) < part
    return torch.where(flip, -normal, normal)


@pytest.mark.parametrize("shape", [*SHAPES, half_sphere], ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.02])
@pytest.mark.parametrize("side", [1, -1])
def test_consistent_normals_are_on_one_side(
    shape: Shape, noise: float, side: int, generator: Generator
) -> None:
    pos, normal = shape(generator)
    pos = pos + noise * torch.randn(pos.shape, generator=generator)
    thin = shape in (plate, hollow_ball, table) and noise > 0  # its two sides mix
    assert share(pos, side * normal) < (0.15 if thin else 0.03)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("part", [0.1, 0.2, 0.3, 0.5])
def test_the_share_of_flipped_normals_is_found(
    shape: Shape, part: float, generator: Generator
) -> None:
    pos, normal = shape(generator)
    found = share(pos, flipped(normal, part, generator))
    assert found == pytest.approx(part, abs=0.04)
    assert found <= 0.5


@pytest.mark.parametrize("shape", [sphere, box, cup, table], ids=lambda shape: shape.__name__)
def test_normals_turned_toward_one_direction_are_on_both_sides(
    shape: Shape, generator: Generator
) -> None:
    """Neighbors agree almost everywhere, and yet half of the surface is wrong."""
    pos, normal = shape(generator)
    view = torch.tensor([0.5, 0.6, 0.7])
    toward = torch.where((normal @ view)[:, None] < 0, -normal, normal)
    assert share(pos, toward) > 0.3


def test_a_sheet_has_no_outside(generator: Generator) -> None:
    pos = torch.rand(1500, 3, generator=generator) * torch.tensor([1.0, 1.0, 0.0])
    normal = torch.tensor([0.0, 0.0, 1.0]).expand(1500, 3)
    assert share(pos, flipped(normal, 0.5, generator)) == 0


def test_unknown_normals_and_padding_say_nothing(generator: Generator) -> None:
    pos, normal = sphere(generator)
    some = torch.arange(1500) < 1000
    unknown = torch.where(some[:, None], normal, 0.0)
    assert share(pos, unknown) == 0
    assert share(pos, torch.zeros_like(pos)) == 0
    padded = torch.where(some[:, None], pos, torch.nan)
    wrong = torch.where(some[:, None], normal, -normal)
    assert float(opposite_sides(padded[None], wrong[None], some[None])) == 0


@pytest.mark.parametrize("total", [0, 1, 3, 79])
def test_few_points_tell_nothing(total: int, generator: Generator) -> None:
    pos, normal = sphere(generator)
    normal = flipped(normal, 0.5, generator)
    assert share(pos[:total], normal[:total]) == 0
    repeated = torch.arange(1000) % max(total, 1)
    assert share(pos[repeated], normal[repeated]) == 0


def test_a_batch_is_its_clouds_in_any_unit(generator: Generator) -> None:
    shapes = [box(generator), sphere(generator)]
    pos = torch.stack([each[0] for each in shapes])
    normal = torch.stack([flipped(each[1], 0.3, generator) for each in shapes])
    found = opposite_sides(pos, normal)
    assert found.shape == (2,) and found.dtype == torch.float32
    assert found.tolist() == pytest.approx([share(*each) for each in zip(pos, normal, strict=True)])
    far = opposite_sides(1000 * pos.double() + 5e6, normal)
    torch.testing.assert_close(far, found, atol=0.01, rtol=0)
    twice = opposite_sides(torch.cat([pos, pos], 1), torch.cat([normal, normal], 1))
    torch.testing.assert_close(twice, found)
