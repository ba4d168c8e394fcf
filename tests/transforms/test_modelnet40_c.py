"""ModelNet40-C's fifteen corruptions keep to their authors' definitions at every severity."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.interpolate import RBFInterpolator
from torch import Generator, Tensor

from pcea.datasets import Batch
from pcea.geometry import unit_sphere
from pcea.transforms import corruption_sets, corruption_transforms, modelnet40_c
from pcea.transforms.corruptions import CORRUPTIONS

SEVERITIES = (1, 2, 3, 4, 5)
CLOUDS, POINTS = 24, 1024
BOXED = (
    *("uniform", "background", "impulse", "upsampling", "rotation", "shear", "occlusion"),
    *("distortion", "distortion_rbf", "distortion_rbf_inv"),
)

at_every_severity = pytest.mark.parametrize("severity", SEVERITIES)


@pytest.fixture
def batch(generator: Generator) -> Batch:
    """Random clouds in the unit sphere, whose parts number the points."""
    pos = unit_sphere(torch.randn(CLOUDS, POINTS, 3, generator=generator))
    return numbered(pos)


def numbered(pos: Tensor) -> Batch:
    """Clouds in float64, as evaluation corrupts them; Batch itself would round them."""
    part = torch.arange(pos.shape[1]).expand(pos.shape[:2])
    made = Batch(pos, torch.zeros(len(pos)), torch.nn.functional.normalize(pos, dim=-1), part)
    assert made.normal is not None
    made.pos, made.normal = pos.double(), made.normal.double()
    return made


def corrupt(batch: Batch, name: str, severity: int, in_box: bool = True) -> Batch:
    """Corrupt a batch; without ``in_box``, before it is put into the box again."""
    steps = corruption_transforms(name, severity)
    generator = Generator().manual_seed(severity)
    for transform in steps if in_box else steps[:-1]:
        batch = transform(batch, generator)
    return batch


def test_there_are_fifteen() -> None:
    names = corruption_sets()["modelnet40-c"]
    assert len(names) == 15
    lacking = {name for name in names if CORRUPTIONS.get(name).lacks}
    assert lacking == {"occlusion", "lidar", "density_inc"}


@at_every_severity
@pytest.mark.parametrize("name", BOXED)
def test_results_are_in_the_box(batch: Batch, name: str, severity: int) -> None:
    pos, raw = corrupt(batch, name, severity).pos, corrupt(batch, name, severity, False).pos
    low, high = pos.amin(1), pos.amax(1)
    assert (high - low).amax(1).tolist() == pytest.approx([2.0] * CLOUDS)
    assert (high + low).abs().max() < 1e-9
    # The box moves and scales each cloud, the same along every axis.
    low, high = raw.amin(1, keepdim=True), raw.amax(1, keepdim=True)
    side = (high - low).amax(-1, keepdim=True)
    torch.testing.assert_close(pos, 2 * (raw - (low + high) / 2) / side)


@at_every_severity
def test_uniform(batch: Batch, severity: int) -> None:
    """U(−c, c), c = 0.01 … 0.05."""
    noise = corrupt(batch, "uniform", severity, False).pos - batch.pos
    reach = 0.01 * severity
    assert 0.99 * reach < noise.abs().max() <= reach
    assert noise.std().item() == pytest.approx(reach / 3**0.5, rel=0.02)


@at_every_severity
def test_gaussian(batch: Batch, severity: int) -> None:
    """Normal noise σ = 0.01, 0.015, 0.02, 0.025, 0.03, clipped to the box."""
    pos = corrupt(batch, "gaussian", severity).pos
    assert pos.abs().max() <= 1
    inner = batch.pos.abs() < 0.8
    assert (pos - batch.pos)[inner].std().item() == pytest.approx(
        0.005 + 0.005 * severity, rel=0.02
    )
    corners = numbered(torch.full((1, POINTS, 3), 1.0))
    assert (corrupt(corners, "gaussian", severity).pos == 1).double().mean() > 0.4


@at_every_severity
def test_background(batch: Batch, severity: int) -> None:
    """N//45, 40, 35, 30, 20 points uniform in the box are added."""
    out = corrupt(batch, "background", severity, False)
    assert torch.equal(out.pos[:, :POINTS], batch.pos)
    strays = out.pos[:, POINTS:]
    assert strays.shape[1] == [22, 25, 29, 34, 51][severity - 1]
    assert 0.98 < strays.abs().max() <= 1
    assert strays.mean().abs() < 0.05
    assert strays.std().item() == pytest.approx(1 / 3**0.5, rel=0.05)
    assert out.part is not None and out.normal is not None
    assert torch.equal(out.part[:, POINTS:], torch.cdist(strays, batch.pos).argmin(-1))
    assert not out.normal[:, POINTS:].any()


@at_every_severity
def test_impulse(batch: Batch, severity: int) -> None:
    """N//30, 25, 20, 15, 10 points move by ±0.1 along each axis."""
    jump = corrupt(batch, "impulse", severity, False).pos - batch.pos
    moved = jump.any(-1)
    assert moved.sum(1).tolist() == [[34, 40, 51, 68, 102][severity - 1]] * CLOUDS
    torch.testing.assert_close(jump[moved].abs(), torch.full_like(jump[moved], 0.1))
    assert (jump[moved] > 0).double().mean().item() == pytest.approx(0.5, abs=0.05)


@at_every_severity
def test_upsampling(batch: Batch, severity: int) -> None:
    """N//5, 4, 3, 2, N points are doubled with U(−0.05, 0.05)."""
    out = corrupt(batch, "upsampling", severity, False)
    count = [204, 256, 341, 512, 1024][severity - 1]
    assert torch.equal(out.pos[:, :POINTS], batch.pos) and out.pos.shape[1] == POINTS + count
    assert out.part is not None
    source = out.part[:, POINTS:]
    assert all(len(set(each.tolist())) == count for each in source)
    away = out.pos[:, POINTS:] - batch.pos.gather(1, source.unsqueeze(-1).expand(-1, -1, 3))
    assert 0.049 < away.abs().max() <= 0.05
    assert away.std().item() == pytest.approx(0.05 / 3**0.5, rel=0.03)


@at_every_severity
def test_rotation(severity: int) -> None:
    """Three angles of ±[c − 2.5°, c + 2.5°], c = 2.5, 5, 7.5, 10, 15."""
    turn = corrupt(numbered(torch.eye(3).expand(2000, 3, 3)), "rotation", severity, False).pos
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3).double().expand_as(turn))
    middle = [2.5, 5, 7.5, 10, 15][severity - 1]
    # The three angles can be read off the matrix Rx Ry Rz.
    y = turn[:, 0, 2].asin()
    x, z = torch.atan2(turn[:, 1, 2], turn[:, 2, 2]), torch.atan2(turn[:, 0, 1], turn[:, 0, 0])
    for angle in (x, y, z):
        size = angle.rad2deg().abs()
        assert middle - 2.501 < size.min() < middle - 2.4
        assert middle + 2.4 < size.max() < middle + 2.501
        assert (angle > 0).double().mean().item() == pytest.approx(0.5, abs=0.05)


@at_every_severity
def test_shear(severity: int) -> None:
    """Matrix [[1, 0, b], [d, 1, e], [f, 0, 1]], entries ±[c − 0.05, c + 0.05], c = 0.05 … 0.25."""
    matrix = corrupt(numbered(torch.eye(3).expand(2000, 3, 3)), "shear", severity, False).pos
    fixed = torch.tensor([[1, 0, 9], [9, 1, 9], [9, 0, 1]])
    assert (matrix[:, fixed < 9] == fixed[fixed < 9]).all()
    drawn = matrix[:, fixed == 9]  # (B, 4)
    assert 0.05 * severity - 0.05 <= drawn.abs().min() < 0.05 * severity - 0.045
    assert 0.05 * severity + 0.045 < drawn.abs().max() <= 0.05 * severity + 0.05
    assert (drawn > 0).double().mean(0).sub(0.5).abs().max() < 0.05


def sheet(wide: int, high: int = 32) -> Batch:
    """Clouds that are a grid of high × wide points."""
    rows, columns = torch.arange(high).float(), torch.arange(wide).float()
    grid = 0.03 * torch.cartesian_prod(rows, columns, torch.zeros(1))
    return numbered(grid.expand(CLOUDS, -1, -1))


def times_kept(out: Batch, wide: int, high: int = 32) -> np.ndarray:
    assert out.part is not None
    rows = [part.bincount(minlength=wide * high) for part in out.part]
    return torch.stack(rows).view(-1, high, wide).numpy()


@at_every_severity
def test_cutout(severity: int) -> None:
    """2, 3, 5, 7, 10 times the 30 nearest of a random point are left out."""
    number = [2, 3, 5, 7, 10][severity - 1]
    out = corrupt(sheet(32), "cutout", severity)
    assert out.pos.shape[1] == POINTS - 30 * number
    kept = times_kept(out, 32)
    assert kept.max() == 1
    holes = [ndimage.label(each == 0, np.ones((3, 3)))[1] for each in kept]
    assert min(holes) >= 1 and max(holes) <= number
    if severity == 1:  # two round holes of 30 points, whose radius is about 3.1
        assert max(holes) == 2
        apart = next(each for each, count in zip(kept, holes, strict=True) if count == 2)
        label, _ = ndimage.label(apart == 0, np.ones((3, 3)))
        assert [(label == i).sum() for i in (1, 2)] == [30, 30]
        for place in (np.argwhere(label == i) for i in (1, 2)):
            assert np.linalg.norm(place - place.mean(0), axis=1).max() < 7


@at_every_severity
def test_density(severity: int) -> None:
    """1 … 5 times, of the 100 nearest of a random point 75 are left out."""
    out = corrupt(sheet(32), "density", severity)
    assert out.pos.shape[1] == POINTS - 75 * severity
    kept = times_kept(out, 32)
    assert kept.max() == 1
    if severity > 1:
        return
    for each in kept:
        lost = np.argwhere(each == 0)
        away = np.linalg.norm(np.argwhere(each >= 0) - lost.mean(0), axis=1).reshape(each.shape)
        # A quarter stays of the patch that holds all lost points.
        within = away <= away[each == 0].max()
        assert each[within].sum() >= 15
        assert np.ptp(lost, 0).max() < 20


@at_every_severity
def test_density_inc(severity: int) -> None:
    """Of 2,048 points, 1 … 5 patches of 100 nearest stay whole, and the rest is drawn: 1,024."""
    out = corrupt(sheet(64), "density_inc", severity)
    assert out.pos.shape[1] == 1024
    kept = times_kept(out, 64)
    rest, drawn = 2048 - 100 * severity, 1024 - 100 * severity
    distinct = 100 * severity + rest * (1 - (1 - 1 / rest) ** drawn)  # drawn with replacement
    assert (kept > 0).sum((1, 2)).mean() == pytest.approx(distinct, rel=0.01)
    # Somewhere a whole disk is there, which chance would not leave.
    disk = np.hypot(*np.mgrid[-4:5, -4:5]) <= 4
    whole = [ndimage.minimum_filter(each > 0, footprint=disk, mode="nearest") for each in kept]
    assert all(each.any() for each in whole)


@at_every_severity
def test_distortion(severity: int) -> None:
    """5³ control points on the box, each moved by U(−c, c) of its side per axis, c = 0.1 … 0.5."""
    reach = 2 * 0.1 * severity
    axis = torch.linspace(-1, 1, 6, dtype=torch.float64)
    batch = numbered(torch.cartesian_prod(axis, axis, axis).expand(200, -1, -1))
    move = (corrupt(batch, "distortion", severity, False).pos - batch.pos).view(200, 6, 6, 6, 3)
    # A corner moves with its control point; no point moves farther than some control point.
    corners = move[:, ::5, ::5, ::5]
    assert 0.98 * reach < corners.abs().max() <= reach
    assert corners.std().item() == pytest.approx(reach / 3**0.5, rel=0.03)
    assert move.abs().max() <= reach
    # Along each axis the map is a polynomial of degree four: the fifth differences are zero.
    for dim in (1, 2, 3):
        assert move.diff(5, dim=dim).abs().max() < 1e-9 and move.diff(4, dim=dim).abs().max() > 1e-3


@at_every_severity
@pytest.mark.parametrize("inverse", [False, True])
def test_distortion_rbf(severity: int, inverse: bool, generator: Generator) -> None:
    """5³ control points moved by 0.025 … 0.125 in random directions, as SciPy interpolates."""
    axis = torch.linspace(-1, 1, 5)
    grid = torch.cartesian_prod(axis, axis, axis)
    others = 2 * torch.rand(300, 3, generator=generator) - 1
    batch = numbered(torch.cat([grid, others]).expand(4, -1, -1))
    name = "distortion_rbf_inv" if inverse else "distortion_rbf"
    move = corrupt(batch, name, severity, False).pos - batch.pos
    torch.testing.assert_close(
        move[:, :125].norm(dim=-1), torch.full((4, 125), 0.025 * severity).double()
    )
    kernel = "inverse_multiquadric" if inverse else "multiquadric"
    for own in move.numpy():
        control = grid.double().numpy()
        fitted = RBFInterpolator(control, own[:125], kernel=kernel, epsilon=2.0, degree=1)
        np.testing.assert_allclose(own[125:], fitted(others.double().numpy()), atol=1e-9)


@pytest.mark.parametrize(
    "step",
    [
        partial(modelnet40_c._uniform, 0.0),
        partial(modelnet40_c._gaussian, 0.0),
        partial(modelnet40_c._distortion, 0.0),
        partial(modelnet40_c._radial, 0.0, inverse=False),
        partial(modelnet40_c._radial, 0.0, inverse=True),
        partial(modelnet40_c._patches, 0, nearest=100, lost=75),
    ],
)
def test_without_strength_nothing_changes(step: partial[Batch], batch: Batch) -> None:
    out = step(batch, Generator())
    torch.testing.assert_close(out.pos, batch.pos)
    assert torch.equal(out.part, batch.part)  # type: ignore[arg-type]
    torch.testing.assert_close(out.normal, batch.normal)


def camera(severity: int, elevation: float | None, distance: float) -> Tensor:
    """The places (B, 1, 3) of the cameras that the seed of :func:`corrupt` draws."""
    generator = Generator().manual_seed(severity)
    if elevation is None:
        drawn = torch.rand(CLOUDS, generator=generator, dtype=torch.float64)
        high = math.pi / 6 * (1 + drawn)
    else:
        high = torch.full((CLOUDS,), elevation).double()
    turn = torch.rand(CLOUDS, generator=generator, dtype=torch.float64)
    azimuth = 2 * math.pi * severity / 5 + (2 * turn - 1) * math.pi / 5
    flat = high.cos()
    place = torch.stack([flat * azimuth.cos(), high.sin(), flat * azimuth.sin()], -1)
    return distance * place.unsqueeze(1)


@at_every_severity
def test_occlusion(severity: int, generator: Generator) -> None:
    """Of a ball, a camera at distance 3 sees what lies within its horizon."""
    ball = torch.nn.functional.normalize(
        torch.randn(CLOUDS, POINTS, 3, generator=generator), dim=-1
    )
    out = corrupt(numbered(ball), "occlusion", severity)
    assert out.pos.shape == (CLOUDS, POINTS, 3)
    place = camera(severity, None, 3.0)
    toward = (ball * place / 3).sum(-1)  # the height of each point toward the camera
    assert out.part is not None
    seen = torch.zeros(CLOUDS, POINTS).scatter(1, out.part, 1.0).bool()
    assert seen[toward > 0.45].double().mean() > 0.97  # the horizon is at 1/3
    assert seen[toward < 0].double().mean() < 0.01


@at_every_severity
def test_lidar(severity: int, generator: Generator) -> None:
    """Bands of 1° of elevation, half of each, and 768 points, from 22.5° above at distance 5."""
    ball = torch.nn.functional.normalize(
        torch.randn(CLOUDS, POINTS, 3, generator=generator), dim=-1
    )
    out = corrupt(numbered(ball), "lidar", severity)
    assert out.pos.shape == (CLOUDS, 768, 3)
    sensor = camera(severity, math.pi / 8, 5.0)
    away = out.pos - sensor
    polar = (away[..., 1] / away.norm(dim=-1)).acos().rad2deg()
    bands = polar - polar.amin(1, keepdim=True)
    assert (bands - bands.round()).abs().max() < 1e-6
    assert all(len(each.round().unique()) >= 8 for each in bands)
    # Points are turned to the middle of their band, by less than half of it.
    assert out.part is not None
    before = (ball.double() / ball.abs().amax()).gather(1, out.part[..., None].expand(-1, -1, 3))
    assert (out.pos - before).norm(dim=-1).max() < 0.06
    toward = (out.pos * sensor / 5).sum(-1)
    assert (toward < 0).double().mean() < 0.01


@pytest.mark.parametrize("name", ["distortion", "distortion_rbf", "shear", "rotation"])
def test_clouds_without_normals_move_alike(batch: Batch, name: str) -> None:
    bare = numbered(batch.pos.float())
    bare.normal = None
    torch.testing.assert_close(corrupt(bare, name, 3).pos, corrupt(batch, name, 3).pos)


@pytest.mark.parametrize("name", corruption_sets()["modelnet40-c"])
def test_points_at_one_place_stay_finite(name: str) -> None:
    assert corrupt(numbered(torch.zeros(2, 64, 3)), name, 5).pos.isfinite().all()
