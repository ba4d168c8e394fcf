"""PointWOLF against its definition, cloud by cloud, and its normals against differences."""

import math

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Batch
from pcea.geometry import unit_sphere
from pcea.transforms import changed, pointwolf
from pcea.transforms.pointwolf import PointWOLF


@pytest.fixture
def batch(generator: Generator) -> Batch:
    pos = unit_sphere(torch.randn(8, 200, 3, generator=generator))
    return Batch(pos, torch.zeros(8))


def test_one_anchor_is_one_map_of_the_whole_cloud(batch: Batch, generator: Generator) -> None:
    """With a single anchor every point has weight 1: turn and stretch, up to the unit sphere."""
    out = PointWOLF(1, degrees=10, scale=3, reach=0.25)(batch, generator).pos
    kinds = set()
    for before, after in zip(batch.pos.double(), out.double(), strict=True):
        ones = torch.ones(len(before), 1).double()
        solution = torch.linalg.lstsq(torch.cat([before, ones], 1), after)
        assert (torch.cat([before, ones], 1) @ solution.solution - after).abs().max() < 1e-5
        matrix = solution.solution[:3]
        stretch = torch.linalg.svdvals(matrix)
        ratio = float(stretch[0] / stretch[2])
        assert ratio < 3.001  # stretches lie in 1 … 3, and the unit sphere scales all alike
        # Rows times R S: the columns of the rotation are orthogonal.
        gram = matrix.T @ matrix
        assert (gram - torch.diag(gram.diag())).abs().max() < 1e-5
        turn = matrix / matrix.norm(dim=0)
        angle = float(((turn.trace() - 1) / 2).clamp(-1, 1).acos())
        assert angle < math.radians(10) * 3**0.5 + 1e-4
        kinds.add((ratio > 1.001, angle > 1e-3))
    assert len(kinds) >= 3  # each is left out in half of the cases


def test_without_turn_stretch_and_move_nothing_changes(batch: Batch, generator: Generator) -> None:
    out = PointWOLF(degrees=0, scale=1, reach=0)(batch, generator).pos
    torch.testing.assert_close(out, unit_sphere(batch.pos))


def test_clouds_stay_in_the_unit_sphere_and_change_smoothly(
    batch: Batch, generator: Generator
) -> None:
    out = PointWOLF()(batch, generator).pos
    torch.testing.assert_close(out.norm(dim=-1).amax(1), torch.ones(8))
    assert out.mean(1).abs().max() < 1e-5
    near = torch.cdist(batch.pos, batch.pos) < 0.1
    stretch = torch.cdist(out, out)[near] / torch.cdist(batch.pos, batch.pos)[near].clamp(min=1e-3)
    assert stretch.max() < 6
    moved = (out - batch.pos).norm(dim=-1).mean(1)
    assert (moved > 0.01).sum() >= 6


def test_a_wide_kernel_takes_every_anchor_alike(batch: Batch, generator: Generator) -> None:
    """With equal weights the whole is the mean of the anchors' maps, which is one map again."""
    out = PointWOLF(std=1e4)(batch, generator).pos
    for before, after in zip(batch.pos.double(), out.double(), strict=True):
        given = torch.cat([before, torch.ones(len(before), 1).double()], 1)
        solution = torch.linalg.lstsq(given, after).solution
        assert (given @ solution - after).abs().max() < 1e-5


def test_normals_turn_as_the_surface(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against tangents of the deformed sphere by differences, in double precision."""
    monkeypatch.setattr(pointwolf, "unit_sphere", lambda pos: pos)  # it depends on every point
    shape = (6, 100, 3)
    ball = torch.nn.functional.normalize(torch.randn(shape, generator=generator).double(), dim=-1)
    side = torch.linalg.cross(ball, torch.randn(shape, generator=generator).double())
    side = torch.nn.functional.normalize(side, dim=-1)

    def deform(pos: Tensor) -> tuple[Tensor, Tensor]:
        batch = changed(Batch(pos, torch.zeros(6)), pos=pos, normal=ball)
        out = PointWOLF()(batch, Generator().manual_seed(0))
        assert out.normal is not None
        return out.pos, out.normal

    pos, normal = deform(ball)
    step, off = 1e-6, []
    for index in range(20):
        for tangent in (side, torch.linalg.cross(ball, side)):
            moved = ball.clone()
            moved[:, index] += step * tangent[:, index]
            there = deform(moved)[0]
            own = (there != pos).any(-1).sum(1) == 1  # or the point is an anchor, and all move
            along = torch.nn.functional.normalize(there[:, index] - pos[:, index], dim=-1)
            off.append((along * normal[:, index]).sum(-1).abs()[own])
    assert len(torch.cat(off)) > 200
    assert torch.cat(off).max() < 1e-4
