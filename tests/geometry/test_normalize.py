"""The unit sphere: where a cloud ends up, whatever it was."""

import pytest
import torch

from pcea.geometry import unit_sphere


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
