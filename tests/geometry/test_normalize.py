"""The unit sphere: where a cloud ends up, whatever it was."""

from __future__ import annotations

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
