"""The unit sphere, the side of normals, and the offset of positions far from zero."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pcea.geometry import outward, unit_sphere
from pcea.geometry.normalize import choose_offset


def test_centroid_at_the_origin_and_radius_one(generator: torch.Generator) -> None:
    pos = unit_sphere(torch.randn(4, 100, 3, generator=generator) * 7 + 30)
    assert pos.mean(1).abs().max() < 1e-5
    torch.testing.assert_close(pos.norm(dim=-1).amax(1), torch.ones(4))


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_scale_and_place_do_not_matter(generator: torch.Generator, size: float) -> None:
    pos = torch.randn(50, 3, generator=generator, dtype=torch.double)
    moved = unit_sphere((pos * size + 2 * size).float())
    torch.testing.assert_close(moved, unit_sphere(pos).float(), rtol=0, atol=1e-5)


def test_padding_is_left_out(generator: torch.Generator) -> None:
    pos = torch.randn(1, 20, 3, generator=generator)
    mask = torch.arange(20)[None] < 12
    padded = unit_sphere(torch.where(mask.unsqueeze(-1), pos, torch.tensor(1e5)), mask)
    torch.testing.assert_close(padded[:, :12], unit_sphere(pos[:, :12]))
    assert padded[:, 12:].abs().max() == 0


@pytest.mark.parametrize("place", [0.0, 0.1, 12345.678])
def test_equal_points_become_zero(place: float) -> None:
    assert unit_sphere(torch.full((9, 3), place)).abs().max() == 0


def test_a_cloud_in_map_coordinates_keeps_its_form(generator: torch.Generator) -> None:
    pos = torch.randn(200, 3, generator=generator, dtype=torch.double)
    place = torch.tensor([431234.0, 5403279.0, 312.0], dtype=torch.double)
    moved = unit_sphere(pos + place)
    assert moved.dtype == torch.double
    torch.testing.assert_close(moved, unit_sphere(pos), rtol=0, atol=1e-8)


def test_float32_far_from_zero_loses_only_what_it_had_lost_before(
    generator: torch.Generator,
) -> None:
    pos = (torch.randn(500, 3, generator=generator) + 5403279.0).float()  # on a grid of 0.5
    exact = pos.numpy().astype("float64")
    exact -= exact.mean(0)
    exact /= (exact**2).sum(1).max() ** 0.5
    found = unit_sphere(pos)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.from_numpy(exact).float(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow(generator: torch.Generator, dtype: torch.dtype) -> None:
    pos = (torch.randn(50, 3, generator=generator) * 1000).to(dtype)
    found = unit_sphere(pos)
    assert found.dtype == dtype
    torch.testing.assert_close(found, unit_sphere(pos.double()).to(dtype))


def test_whole_numbers_become_float32() -> None:
    found = unit_sphere(torch.tensor([[0, 0, 0], [4, 0, 0]]))
    assert found.tolist() == [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    assert found.dtype == torch.float32


def test_padding_that_is_not_finite_does_no_harm(generator: torch.Generator) -> None:
    pos = torch.randn(1, 8, 3, generator=generator)
    mask = torch.arange(8)[None] < 6
    spoiled = torch.where(mask.unsqueeze(-1), pos, torch.nan)
    torch.testing.assert_close(unit_sphere(spoiled, mask)[:, :6], unit_sphere(pos[:, :6]))


def cone(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw points on a cone without its base, apex up, and their outward normals."""
    height, angle = torch.rand(2, 500, 1, generator=generator).unbind(0)
    around = torch.cat([(6.3 * angle).cos(), torch.zeros_like(angle), (6.3 * angle).sin()], -1)
    up = torch.tensor([0.0, 1.0, 0.0])
    pos = up * (1 - height) + around * height
    return pos, (around + up) / 2**0.5


@pytest.mark.parametrize("place", [0.0, 5000.0])
def test_normals_are_turned_outward(generator: torch.Generator, place: float) -> None:
    pos, normal = cone(generator)
    both = torch.stack([normal, -normal])
    found = outward((pos + place).expand(2, -1, -1), both)
    assert torch.equal(found, normal.expand(2, -1, -1))


def test_padding_does_not_turn_normals(generator: torch.Generator) -> None:
    pos, normal = cone(generator)
    mask = torch.arange(500) < 300
    inward = torch.where(mask[:, None], -normal, torch.nan)
    far = torch.where(mask[:, None], pos, torch.tensor(1e6))
    assert torch.equal(outward(far[None], inward[None], mask[None])[0, :300], normal[:300])


def test_normals_without_a_side_stay() -> None:
    pos = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    normal = torch.tensor([0.0, -1.0, 0.0]).expand(3, 3)
    assert torch.equal(outward(pos, normal), normal)


MAP = torch.tensor([4.5e6, 312.0, 5.4e6], dtype=torch.double)


def errors(pos: torch.Tensor) -> torch.Tensor:
    """The distance (N,) by which each point moves on the way to float32 and back."""
    offset = choose_offset(pos)
    return ((pos - offset).float().double() + offset - pos).norm(dim=1)


def spacing(size: float) -> float:
    """The distance between neighboring numbers of float32."""
    return float(np.spacing(np.float32(size)))


@pytest.mark.parametrize("count", [8, 20, 1000, 200_000])
@pytest.mark.parametrize("size", [1e-3, 1.0, 300.0])
@pytest.mark.parametrize(
    ("strays", "reach"), [(0, 0.0), (1, 0.0), (1, 1e8), (0.04, 3e7), (0.2, 0.0)]
)
def test_far_points_take_no_digits_from_the_others(
    generator: torch.Generator, count: int, size: float, strays: float, reach: float
) -> None:
    """Neither single points nor rows of zeros, wherever they are, and however many points."""
    shape = size * torch.rand(count, 3, generator=generator, dtype=torch.double) + MAP
    far = strays if isinstance(strays, int) else int(strays * count)
    apart = reach * torch.rand(far, 3, generator=generator, dtype=torch.double)
    order = torch.randperm(count + far, generator=generator)
    pos = torch.cat([shape, apart])[order]
    moved = errors(pos)
    assert moved[order < count].max() <= spacing(size)
    assert not far or moved.max() <= 2 * spacing(float((apart - MAP).abs().max()))


def test_zeros_among_map_coordinates_come_back_as_zeros(generator: torch.Generator) -> None:
    shape = torch.rand(500, 3, generator=generator, dtype=torch.double) + MAP
    assert errors(torch.cat([shape, torch.zeros(3, 3, dtype=torch.double)]))[500:].max() == 0


def plane(generator: torch.Generator) -> torch.Tensor:
    return torch.rand(400, 3, generator=generator) * torch.tensor([1.0, 0.0, 1.0])


def lamp_post(generator: torch.Generator) -> torch.Tensor:
    """A head of half a meter with nearly all points, on a pole of ten meters."""
    head = 0.5 * torch.rand(3000, 3, generator=generator) + torch.tensor([0.0, 10.0, 0.0])
    return torch.cat([torch.zeros(16, 3), head])


def with_a_far_point(generator: torch.Generator) -> torch.Tensor:
    return torch.cat([torch.rand(400, 3, generator=generator) - 0.5, torch.full((1, 3), 4.5e6)])


def in_its_corner(generator: torch.Generator) -> torch.Tensor:
    return torch.rand(400, 3, generator=generator) + 6.5


def two_groups(generator: torch.Generator) -> torch.Tensor:
    """Two shapes of one meter, one kilometer apart, the second with a fifth of the points."""
    pos = torch.rand(500, 3, generator=generator)
    pos[400:] += 1000
    return pos


@pytest.mark.parametrize("shape", [plane, lamp_post, with_a_far_point, in_its_corner, two_groups])
def test_shapes_near_zero_have_no_offset(
    generator: torch.Generator, shape: Callable[[torch.Generator], torch.Tensor]
) -> None:
    assert not choose_offset(shape(generator).double()).any()


def test_of_two_far_groups_the_larger_keeps_its_digits(generator: torch.Generator) -> None:
    pos = torch.rand(500, 3, generator=generator, dtype=torch.double)
    pos[100:] += MAP
    moved = errors(pos)
    assert moved[100:].max() <= spacing(1.0)
    assert moved[:100].max() <= 2 * spacing(5.4e6)
    halves = torch.cat([pos[:100], pos[100:200]])  # neither is the larger one
    assert not choose_offset(halves).any()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_tiny_and_constant_clouds(generator: torch.Generator, count: int) -> None:
    pos = torch.rand(count, 3, generator=generator, dtype=torch.double)
    assert not choose_offset(pos).any()
    assert not choose_offset(pos[:1].expand(count, 3) + MAP).any()
    if count > 1:
        assert errors(pos + MAP).max() <= spacing(1.0)
    flat = pos * torch.tensor([1.0, 0.0, 0.0], dtype=torch.double) + MAP
    if count > 1:
        assert errors(flat).max() <= spacing(1.0)


def test_the_subtraction_of_the_offset_is_exact(generator: torch.Generator) -> None:
    pos = torch.rand(100, 3, generator=generator, dtype=torch.double) + MAP
    pos = torch.cat([pos, torch.zeros(1, 3, dtype=torch.double)])
    offset = choose_offset(pos)
    assert torch.equal((pos - offset) + offset, pos)
