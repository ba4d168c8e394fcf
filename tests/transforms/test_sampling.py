"""Points left out: how many, which, and what stands in their places."""

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Batch
from pcea.errors import InputError
from pcea.transforms import Transform
from pcea.transforms.sampling import DropPatch, DropPoints, OneSide, Resample


@pytest.fixture
def batch(generator: Generator) -> Batch:
    """Clouds whose points are their own normals and number their parts."""
    pos = torch.nn.functional.normalize(torch.randn(200, 50, 3, generator=generator), dim=-1)
    return Batch(pos, torch.zeros(200), pos, torch.arange(50).expand(200, 50))


def kept(batch: Batch, out: Batch) -> Tensor:
    """(B, N) how often each point of a batch stands in another, and that it is whole there."""
    assert out.part is not None and out.normal is not None
    assert torch.equal(out.pos, batch.pos.gather(1, out.part.unsqueeze(-1).expand(-1, -1, 3)))
    assert torch.equal(out.normal, out.pos)
    times = torch.zeros(batch.pos.shape[:2], dtype=torch.long)
    return times.scatter_add(1, out.part, torch.ones_like(out.part))


@pytest.mark.parametrize(
    ("transform", "total"),
    [
        (Resample(0.3), 15),
        (Resample(points=20), 20),
        (OneSide(0.5), 25),
        (DropPatch(12), 38),
        (DropPatch(500), 1),
        (Resample(0.0), 1),
    ],
)
def test_a_fixed_number_makes_all_clouds_smaller(
    transform: Transform, total: int, batch: Batch, generator: Generator
) -> None:
    times = kept(batch, transform(batch, generator))
    assert (times.sum(1) == total).all() and times.max() == 1


def test_one_number_for_the_whole_batch_has_no_probability() -> None:
    with pytest.raises(InputError, match="the probability must be 1"):
        Resample(same=True, probability=0.5)


@pytest.mark.parametrize(
    "transform", [Resample((0.2, 0.8), same=True), Resample(points=(10, 40), same=True)]
)
def test_one_number_can_be_drawn_for_the_whole_batch(
    transform: Transform, batch: Batch, generator: Generator
) -> None:
    outs = [kept(batch, transform(batch, generator)) for _ in range(40)]
    totals = {int(times.sum(1).unique()) for times in outs}
    assert all(times.max() == 1 for times in outs)
    assert min(totals) in range(10, 16) and max(totals) in range(35, 41) and len(totals) > 10


@pytest.mark.parametrize(
    ("transform", "fewest", "most"),
    [
        (Resample((0.2, 0.8)), 10, 40),
        (Resample(points=(5, 30)), 5, 30),
        (OneSide((0.4, 0.6)), 20, 30),
        (DropPatch((10, 30)), 20, 40),
        (DropPatch((0, 300)), 1, 50),
    ],
)
def test_of_a_drawn_number_kept_points_are_repeated_in_turn(
    transform: Transform, fewest: int, most: int, batch: Batch, generator: Generator
) -> None:
    times = kept(batch, transform(batch, generator))
    assert (times.sum(1) == 50).all()
    distinct = (times > 0).sum(1)
    assert fewest <= distinct.min() <= fewest + 2 and most - 2 <= distinct.max() <= most
    for cloud in times:
        own = cloud[cloud > 0]
        assert own.max() - own.min() <= 1


def test_more_points_than_there_are_repeat_them(batch: Batch, generator: Generator) -> None:
    times = kept(batch, Resample(points=120)(batch, generator))
    assert set(times.unique().tolist()) == {2, 3}


def test_density_falls_along_a_direction(generator: Generator) -> None:
    pos = torch.linspace(-1, 1, 1001).view(1, -1, 1).expand(400, -1, 3)
    batch = Batch(pos, torch.zeros(400), None, torch.arange(1001).expand(400, -1))
    plain = Resample(0.1)(batch, generator).part
    out = Resample(0.1, density=10.0)(batch, generator).part
    assert out is not None and plain is not None
    upper = (out >= 667).float().mean(1), (out < 334).float().mean(1)
    ratio = torch.maximum(*upper) / torch.minimum(*upper)
    # The mean density of the last third is 10^(2/3) times that of the first.
    assert ratio.median().item() == pytest.approx(10 ** (2 / 3), rel=0.15)
    even = (plain >= 667).float().mean(1).mean().item()
    assert even == pytest.approx(1 / 3, abs=0.01)


def test_one_side_is_cut_off_by_a_plane(batch: Batch, generator: Generator) -> None:
    direction = torch.randn(200, 3, 1, generator=Generator().manual_seed(3))
    times = kept(batch, OneSide(0.3)(batch, generator.manual_seed(3)))
    height = (batch.pos @ direction).squeeze(-1)
    assert (
        height.masked_fill(times == 0, 9).amin(1) > height.masked_fill(times > 0, -9).amax(1)
    ).all()


def test_a_patch_is_a_point_and_its_nearest(batch: Batch, generator: Generator) -> None:
    gone = kept(batch, DropPatch(10, patches=1)(batch, generator)) == 0
    distance = torch.cdist(batch.pos, batch.pos)
    nearest = torch.zeros_like(distance).scatter(2, distance.topk(10, largest=False).indices, 1)
    assert ((nearest == gone[:, None].float()).all(-1)).any(1).all()


def test_dropped_points_are_the_first_in_all(batch: Batch, generator: Generator) -> None:
    out = DropPoints(0.875)(batch, generator)
    assert out.part is not None
    times = kept(batch, out)
    assert ((out.part == torch.arange(50)) | (out.part == 0)).all()
    share = 1 - (times > 0).float().mean(1)
    assert share.max() <= 0.98 and 0.35 < share.mean() < 0.5
