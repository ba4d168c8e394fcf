"""Augmentations: their bounds, their randomness, and what they leave alone."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from pcea.geometry import augmentation


@pytest.fixture
def pos(generator: Generator) -> Tensor:
    """A batch of clouds away from the origin."""
    return torch.rand(64, 30, 3, generator=generator) + 1


def test_scale_stretches_each_axis_within_bounds(pos: Tensor, generator: Generator) -> None:
    out, normal = augmentation.scale(pos, None, 0.5, 2.0, generator)
    factor = out / pos
    assert normal is None
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor))
    assert 0.5 <= factor.min() < 0.6
    assert 1.9 < factor.max() <= 2.0


def test_stretched_normals_stay_upright_on_their_surface(generator: Generator) -> None:
    corner = torch.randn(16, 1, 3, generator=generator)
    sides = torch.randn(16, 2, 3, generator=generator)
    normal = torch.nn.functional.normalize(torch.linalg.cross(sides[:, :1], sides[:, 1:]), dim=-1)
    pos = torch.cat([corner, corner + sides], dim=1)  # three points of a plane
    out, turned = augmentation.scale(pos, normal.expand(-1, 3, -1), 0.5, 2.0, generator)
    assert turned is not None
    along = out[:, 1:] - out[:, :1]
    assert (along * turned[:, :1]).sum(-1).abs().max() < 1e-5
    torch.testing.assert_close(turned.norm(dim=-1), torch.ones(16, 3))


def test_zero_normals_stay_zero(pos: Tensor, generator: Generator) -> None:
    _, normal = augmentation.scale(pos, torch.zeros_like(pos), 0.5, 2.0, generator)
    assert normal is not None
    assert normal.abs().max() == 0


def test_translate_moves_whole_clouds(pos: Tensor, generator: Generator) -> None:
    move = augmentation.translate(pos, 0.2, generator) - pos
    torch.testing.assert_close(move, move[:, :1].expand_as(move), rtol=0, atol=1e-6)
    assert 0.18 < move.abs().max() <= 0.2 + 1e-6


def test_jitter_is_cut_off(pos: Tensor, generator: Generator) -> None:
    noise = augmentation.jitter(pos, 0.01, generator, clip=2.0) - pos
    assert noise.abs().max() <= 0.02 + 1e-6
    assert 0.008 < noise.std() < 0.01


def test_rotation_turns_about_the_upright_axis(pos: Tensor, generator: Generator) -> None:
    out, normal = augmentation.rotate_up(pos, pos.clone(), 90, generator)
    torch.testing.assert_close(out[..., 1], pos[..., 1])
    torch.testing.assert_close(out.norm(dim=-1), pos.norm(dim=-1))
    torch.testing.assert_close(normal, out)
    angle = torch.atan2(out[..., 2], out[..., 0]) - torch.atan2(pos[..., 2], pos[..., 0])
    angle = torch.rad2deg(torch.remainder(angle + torch.pi, 2 * torch.pi) - torch.pi)
    torch.testing.assert_close(angle, angle[:, :1].expand_as(angle), rtol=0, atol=1e-2)
    assert 80 < angle.abs().max() <= 90.01


def test_dropped_points_fall_onto_the_first(pos: Tensor, generator: Generator) -> None:
    out, _, _ = augmentation.drop_points(pos, None, None, 0.875, generator)
    dropped = (out != pos).any(-1)  # (B, N)
    assert torch.equal(out[dropped], pos[:, :1].expand_as(pos)[dropped])
    share = dropped.float().mean(1)
    assert share.max() <= 1
    assert 0.3 < share.mean() < 0.55


def test_dropped_points_take_the_normal_and_the_part_of_the_first(
    pos: Tensor, generator: Generator
) -> None:
    label = torch.arange(30).expand(64, 30)
    out, normal, part = augmentation.drop_points(pos, -pos, label, 0.875, generator)
    assert normal is not None and part is not None
    assert torch.equal(normal, -out)
    dropped = (out != pos).any(-1)
    assert dropped.any()
    assert torch.equal(part, torch.where(dropped, 0, label))


def test_the_generator_alone_decides(pos: Tensor) -> None:
    def augment(seed: int) -> Tensor:
        generator = Generator().manual_seed(seed)
        out, _ = augmentation.scale(pos, None, 0.5, 2.0, generator)
        out, _ = augmentation.rotate_up(out, None, 30, generator)
        out = augmentation.jitter(augmentation.translate(out, 0.1, generator), 0.01, generator)
        return augmentation.drop_points(out, None, None, 0.5, generator)[0]

    assert torch.equal(augment(3), augment(3))
    assert not torch.equal(augment(3), augment(4))
