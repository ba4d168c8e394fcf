"""ModelNet-C's seven corruptions keep to their authors' definitions at every severity."""

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Batch
from pcea.errors import InputError
from pcea.geometry import unit_sphere
from pcea.transforms import corruption_sets, corruption_transforms

SEVERITIES = (1, 2, 3, 4, 5)
CLOUDS, POINTS = 60, 1024

pytestmark = pytest.mark.parametrize("severity", SEVERITIES)


@pytest.fixture
def batch(generator: Generator) -> Batch:
    """Random clouds in the unit sphere, whose parts number the points."""
    pos = unit_sphere(torch.randn(CLOUDS, POINTS, 3, generator=generator))
    return Batch(pos, torch.zeros(CLOUDS), pos, torch.arange(POINTS).expand(CLOUDS, -1))


def corrupt(batch: Batch, name: str, severity: int) -> Batch:
    generator = Generator().manual_seed(severity)
    for transform in corruption_transforms(name, severity):
        batch = transform(batch, generator)
    return batch


def test_scale(batch: Batch, severity: int) -> None:
    """Each axis by U(1/s, s), then to the unit sphere again."""
    largest = [1.6, 1.7, 1.8, 1.9, 2.0][severity - 1]
    pos = corrupt(batch, "scale", severity).pos
    torch.testing.assert_close(pos.norm(dim=-1).amax(1), torch.ones(CLOUDS))
    assert pos.mean(1).abs().max() < 1e-5
    factor = ((pos - pos[:, :1]) / (batch.pos - batch.pos[:, :1]))[:, 1:].median(1).values
    # The unit sphere leaves the ratios of the factors, at most s / (1 / s).
    ratio = factor.amax(1) / factor.amin(1)
    assert ratio.min() >= 1 and 0.6 * largest**2 < ratio.max() <= largest**2 * 1.001
    back = unit_sphere(batch.pos * factor.unsqueeze(1))
    torch.testing.assert_close(pos, back, rtol=1e-3, atol=1e-4)


def test_jitter(batch: Batch, severity: int) -> None:
    """Normal noise, σ = 0.01 … 0.05, not cut off."""
    noise = corrupt(batch, "jitter", severity).pos - batch.pos
    assert noise.std().item() == pytest.approx(0.01 * severity, rel=0.01)
    share = (noise.abs() > 3 * 0.01 * severity).float().mean().item()
    assert share == pytest.approx(0.0027, abs=0.0005)


def test_rotate(batch: Batch, severity: int) -> None:
    """Rz Ry Rx by U(−a, a) each, a = 6°, 12° … 30°; points times R on the right."""
    corners = Batch(torch.eye(3).expand(5000, 3, 3), torch.zeros(5000))
    turn = corrupt(corners, "rotate", severity).pos.double()
    torch.testing.assert_close(
        turn @ turn.mT, torch.eye(3).double().expand_as(turn), rtol=0, atol=1e-5
    )
    # The three angles can be read off the matrix Rz Ry Rx.
    y = (-turn[:, 2, 0]).asin()
    x = torch.atan2(turn[:, 2, 1], turn[:, 2, 2])
    z = torch.atan2(turn[:, 1, 0], turn[:, 0, 0])
    for angle in (x, y, z):
        degrees = torch.rad2deg(angle)
        assert 5.9 * severity < degrees.max() <= 6.001 * severity
        assert -5.9 * severity > degrees.min() >= -6.001 * severity
        assert degrees.std().item() == pytest.approx(6 * severity / 3**0.5, rel=0.03)


def test_dropout_global(batch: Batch, severity: int) -> None:
    """A random 25, 37.5, 50, 62.5, 75 % is left out."""
    share = [0.25, 0.375, 0.5, 0.625, 0.75][severity - 1]
    out = corrupt(batch, "dropout_global", severity)
    assert out.pos.shape == (CLOUDS, round(POINTS * (1 - share)), 3)
    assert out.part is not None
    assert all(len(set(kept.tolist())) == len(kept) for kept in out.part)
    assert torch.equal(out.pos, batch.pos.gather(1, out.part.unsqueeze(-1).expand(-1, -1, 3)))
    times = out.part.flatten().bincount(minlength=POINTS).float() / CLOUDS
    assert times.mean().item() == pytest.approx(1 - share)
    assert times.std().item() == pytest.approx((share * (1 - share) / CLOUDS) ** 0.5, rel=0.15)


def pieces(far: Tensor, reach: float) -> int:
    """How many groups points fall into that are joined within a reach."""
    near = (torch.cdist(far, far) < reach).float()
    for _ in range(8):
        near = (near @ near > 0).float()
    return len({tuple(row.tolist()) for row in near})


def test_dropout_local(severity: int, generator: Generator) -> None:
    """100 … 500 points in 1 to 7 clusters of the nearest of a random point are left out."""
    grid = torch.linspace(-0.57, 0.57, 32)
    sheet = torch.cartesian_prod(grid, grid, torch.zeros(1)).expand(CLOUDS, -1, -1)
    batch = Batch(sheet, torch.zeros(CLOUDS), None, torch.arange(1024).expand(CLOUDS, -1))
    out = corrupt(batch, "dropout_local", severity)
    assert out.pos.shape == (CLOUDS, POINTS - 100 * severity, 3)
    assert out.part is not None
    gone = torch.ones(CLOUDS, 1024, dtype=torch.bool).scatter(1, out.part, False)
    counts = [pieces(sheet[0][lost], 1.5 * 1.14 / 31) for lost in gone]
    assert min(counts) == 1 and 2 <= max(counts) <= 7
    if severity == 1:  # small holes hardly meet
        assert max(counts) >= 5
    # A single hole is round: what is left lies outside of the smallest disk of as many points.
    one = counts.index(1)
    hole = sheet[0][gone[one]]
    if severity == 1 and len(hole) == 100:
        spread = (hole - hole.mean(0)).norm(dim=1)
        assert spread.max() < 2.5 * spread.mean()


def test_add_global(batch: Batch, severity: int) -> None:
    """10 … 50 points, uniform in the unit ball, are added."""
    out = corrupt(batch, "add_global", severity)
    assert torch.equal(out.pos[:, :POINTS], batch.pos)
    added = out.pos[:, POINTS:]
    assert added.shape[1] == 10 * severity
    assert added.norm(dim=-1).max() <= 1
    # Uniform in a ball: the cube of the distance is uniform in 0 … 1, and no direction is favored.
    cube = added.flatten(0, 1).norm(dim=1).pow(3).sort().values
    assert (cube - torch.linspace(0, 1, len(cube))).abs().max() < 1.7 / len(cube) ** 0.5
    assert added.flatten(0, 1).mean(0).abs().max() < 2 / len(cube) ** 0.5
    assert out.part is not None and out.normal is not None
    nearest = torch.cdist(added, batch.pos).argmin(-1)
    assert torch.equal(out.part[:, POINTS:], nearest)
    assert not out.normal[:, POINTS:].any()


def test_add_local(batch: Batch, severity: int) -> None:
    """100 … 500 points in 1 to 7 clusters round random points, σ ~ U(0.075, 0.125) each."""
    near = Batch(batch.pos * 0.3, batch.category, batch.normal, batch.part)  # far from the rim
    out = corrupt(near, "add_local", severity)
    assert torch.equal(out.pos[:, :POINTS], near.pos)
    added = out.pos[:, POINTS:]
    assert added.shape[1] == 100 * severity
    assert out.part is not None and out.normal is not None
    center = out.part[:, POINTS:]  # parts number the points: each stray has that of its center
    numbers, deviations = [], []
    for cloud in range(CLOUDS):
        distinct = center[cloud].unique()
        numbers.append(len(distinct))
        for middle in distinct:
            own = added[cloud][center[cloud] == middle] - near.pos[cloud, middle]
            if len(own) > 40:
                deviations.append(own.square().mean().sqrt())
                assert own.mean(0).norm() < 0.1
    assert (min(numbers), max(numbers)) == (1, 7)
    found = torch.stack(deviations)
    assert 0.06 < found.min() < 0.085 and 0.115 < found.max() < 0.15
    assert found.mean().item() == pytest.approx(0.1, abs=0.005)
    assert not out.normal[:, POINTS:].any()


def test_clusters_at_the_rim_are_taken_into_the_ball(batch: Batch, severity: int) -> None:
    """What lies outside the unit ball is divided by its squared norm."""
    rim = torch.nn.functional.normalize(batch.pos, dim=-1)
    added = corrupt(Batch(rim, batch.category), "add_local", severity).pos[:, POINTS:]
    assert added.norm(dim=-1).max() <= 1
    assert (added.norm(dim=-1) > 0.8).float().mean() > 0.8


def test_other_severities_are_refused(severity: int) -> None:
    assert len(corruption_sets()["modelnet-c"]) == 7
    for wrong in (severity + 5, -severity, f"{severity}", severity + 0.5):
        with pytest.raises(InputError, match=r"severity is .* a whole number from 1 to 5"):
            corruption_transforms("jitter", wrong)  # type: ignore[arg-type]
