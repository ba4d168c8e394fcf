"""The unit sphere, and the side of normals: what a cloud becomes, whatever it was."""

import pytest
import torch

from pcea.geometry import outward, unit_sphere


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
