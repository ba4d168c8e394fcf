"""Scaling, moving, turning, noise and dropout: their bounds and what they leave alone."""

import math

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Batch
from pcea.transforms import as_transforms
from pcea.transforms.affine import Rotate, Scale, Translate
from pcea.transforms.noise import Jitter
from pcea.transforms.sampling import DropPoints


@pytest.fixture
def batch(generator: Generator) -> Batch:
    """Clouds away from the origin, whose points are their own normals and number their parts."""
    pos = torch.rand(64, 30, 3, generator=generator) + 1
    normal = torch.nn.functional.normalize(pos, dim=-1)
    return Batch(pos, torch.arange(64), normal, torch.arange(30).expand(64, 30))


def test_scale_stretches_each_axis_within_bounds(batch: Batch, generator: Generator) -> None:
    factor = Scale(0.5, 2.0)(batch, generator).pos / batch.pos
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor))
    assert 0.5 <= factor.min() < 0.6
    assert 1.9 < factor.max() <= 2.0
    assert not torch.allclose(factor[..., 0], factor[..., 1])
    one = Scale(0.5, 2.0, same=True)(batch, generator).pos / batch.pos
    torch.testing.assert_close(one[..., :1].expand_as(one), one)


def test_stretched_normals_stay_upright_on_their_surface(generator: Generator) -> None:
    corner = torch.randn(16, 1, 3, generator=generator)
    sides = torch.randn(16, 2, 3, generator=generator)
    normal = torch.nn.functional.normalize(torch.linalg.cross(sides[:, :1], sides[:, 1:]), dim=-1)
    pos = torch.cat([corner, corner + sides], dim=1)  # three points of a plane
    batch = Batch(pos, torch.zeros(16), normal.expand(-1, 3, -1))
    out = Scale(0.5, 2.0)(batch, generator)
    assert out.normal is not None
    along = out.pos[:, 1:] - out.pos[:, :1]
    assert (along * out.normal[:, :1]).sum(-1).abs().max() < 1e-5
    torch.testing.assert_close(out.normal.norm(dim=-1), torch.ones(16, 3))


def test_translate_moves_whole_clouds(batch: Batch, generator: Generator) -> None:
    move = Translate(0.2)(batch, generator).pos - batch.pos
    torch.testing.assert_close(move, move[:, :1].expand_as(move), rtol=0, atol=1e-6)
    assert 0.18 < move.abs().max() <= 0.2 + 1e-6


def test_jitter_is_cut_off(batch: Batch, generator: Generator) -> None:
    noise = Jitter(0.01, clip=2.0)(batch, generator).pos - batch.pos
    assert noise.abs().max() <= 0.02 + 1e-6
    assert 0.008 < noise.std() < 0.01
    whole = Jitter(0.01, clip=math.inf)(batch, generator).pos - batch.pos
    assert whole.abs().max() > 0.03


def angles(matrix: Tensor) -> Tensor:
    """By how many degrees rotations turn."""
    return torch.rad2deg(((matrix.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1).acos())


@pytest.mark.parametrize("axis", ["up", "tilt", "any", "each"])
@pytest.mark.parametrize("degrees", [40, (20, 40)])
def test_rotations_are_rigid_and_keep_their_range(
    axis: str, degrees: float | tuple[float, float], generator: Generator
) -> None:
    corners = torch.eye(3).expand(2000, 3, 3)
    done = Rotate(degrees, axis)(Batch(corners, torch.zeros(2000), corners), generator)  # type: ignore[arg-type]
    turn = done.pos.double()
    assert torch.equal(done.pos, done.normal)
    torch.testing.assert_close(
        turn @ turn.mT, torch.eye(3).double().expand_as(turn), rtol=0, atol=1e-5
    )
    assert (torch.linalg.det(turn) - 1).abs().max() < 1e-5
    if axis == "each":
        return
    turned = angles(turn)
    low = degrees[0] if isinstance(degrees, tuple) else 0
    assert low - 0.1 <= turned.min() < low + 8
    assert 39 < turned.max() <= 40.1
    upright = turn[:, 1, 1]
    assert bool((upright == 1).all()) == (axis == "up")
    if axis == "tilt":  # the axis is horizontal: what turns back about it does not turn about y
        torch.testing.assert_close(turn[:, 0, 2], turn[:, 2, 0], rtol=0, atol=1e-5)


def test_any_rotation_by_up_to_half_a_turn_is_drawn_alike(generator: Generator) -> None:
    corners = torch.eye(3).expand(20000, 3, 3)
    turn = Rotate(180, "any")(Batch(corners, torch.zeros(20000)), generator).pos
    # Of rotations drawn alike each image of a corner lies evenly on the sphere: so do its heights.
    for image in turn.flatten(1).T:
        expected = torch.linspace(-1, 1, 20000)
        assert (image.sort().values - expected).abs().max() < 0.03
    # ... and the mean of cos θ is −1/2, as its density is (1 − cos θ) / π.
    assert (angles(turn) * math.pi / 180).cos().mean().item() == pytest.approx(-0.5, abs=0.01)


def test_turning_about_each_axis_is_the_product_of_three(generator: Generator) -> None:
    """As ModelNet-C has it: points times Rz Ry Rx."""
    turn = Rotate(30, "each")(Batch(torch.eye(3).expand(500, 3, 3), torch.zeros(500)), generator)
    x, y, z = (torch.rand(500, 3, generator=Generator().manual_seed(0)).T * 2 - 1) * math.pi / 6
    assert generator.initial_seed() == 0

    def about(first: int, second: int, angle: Tensor) -> Tensor:
        matrix = torch.eye(3).repeat(500, 1, 1)
        matrix[:, first, first] = matrix[:, second, second] = angle.cos()
        matrix[:, first, second], matrix[:, second, first] = angle.sin(), -angle.sin()
        return matrix

    expected = about(0, 1, z) @ about(2, 0, y) @ about(1, 2, x)
    torch.testing.assert_close(turn.pos, expected, rtol=0, atol=1e-6)


def test_dropped_points_are_the_first_in_all(batch: Batch, generator: Generator) -> None:
    out = DropPoints(0.875)(batch, generator)
    assert out.part is not None and batch.normal is not None and batch.part is not None
    dropped = (out.pos != batch.pos).any(-1)  # (B, N)
    assert torch.equal(out.part, torch.where(dropped, 0, batch.part))
    for now, before in ((out.pos, batch.pos), (out.normal, batch.normal)):
        assert now is not None
        assert torch.equal(now, torch.where(dropped[..., None], before[:, :1], before))
    share = dropped.float().mean(1)
    assert share.max() <= 1
    assert 0.3 < share.mean() < 0.55


def test_the_generator_alone_decides(batch: Batch) -> None:
    names = ("scale(0.5, 2)", "rotate(30)", "translate(0.1)", "jitter(0.01)", "drop-points(0.5)")

    def transform(seed: int) -> Tensor:
        generator, out = Generator().manual_seed(seed), batch
        for each in as_transforms(names):
            out = each(out, generator)
        return out.pos

    assert torch.equal(transform(3), transform(3))
    assert not torch.equal(transform(3), transform(4))
