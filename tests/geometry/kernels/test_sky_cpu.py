"""The open sky against every point asked about every line of sight."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pcea.geometry.kernels import sky_cpu

Array = NDArray[np.float64]


def _by_pairs(pos: Array, normal: Array, axes: Array, radius: float, layer: float | None) -> Array:
    sky, seen = np.zeros(len(pos)), np.zeros(len(pos))
    own = np.full((len(pos), len(pos)), sky_cpu.SAME_SURFACE * radius)
    if layer is not None:
        likeness = normal @ normal.T
        own[likeness > sky_cpu.ALIKE] = max(layer, sky_cpu.SAME_SURFACE * radius)
        own[likeness < -sky_cpu.ALIKE] = sky_cpu.SHEET * radius
    for d in np.concatenate([axes, -axes]):
        facing = normal @ d  # (N,)
        way = pos[None] - pos[:, None]  # (N, N, 3)
        ahead = way @ d
        aside = np.linalg.norm(way - ahead[..., None] * d, axis=-1)
        height = np.einsum("ijc,ic->ij", way, normal) * np.sign(facing)[:, None]
        between = (ahead > 0) & (aside < radius) & (height > own)
        counts = np.abs(facing) >= sky_cpu.GRAZING
        seen += np.where(counts, np.abs(facing), 0)
        sky += np.where(counts & ~between.any(1), facing, 0)
    return sky / np.maximum(seen, 1e-300)


def _unit(random: np.random.Generator, num: int) -> Array:
    vector = random.normal(size=(num, 3))
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


@pytest.mark.parametrize("stretch", [(1, 1, 1), (1, 1, 0.01), (100, 1, 1), (0, 0, 1)])
@pytest.mark.parametrize(
    ("radius", "layer"), [(0.01, None), (0.3, None), (3.0, None), (0.3, 0.0), (0.3, 1.0)]
)
def test_is_what_asking_every_pair_finds(
    stretch: tuple[float, ...], radius: float, layer: float | None
) -> None:
    random = np.random.default_rng(0)
    pos = random.normal(size=(150, 3)) * stretch
    normal, axes = _unit(random, 150), _unit(random, 12)
    sky = np.empty(150)
    sky_cpu.open_sky(pos, normal, axes, radius, sky, layer)
    np.testing.assert_allclose(sky, _by_pairs(pos, normal, axes, radius, layer), atol=1e-12)


def test_one_point_sees_the_same_on_both_sides() -> None:
    sky = np.empty(1)
    sky_cpu.open_sky(np.zeros((1, 3)), np.eye(3)[:1], np.eye(3), 1.0, sky)
    assert sky[0] == 0


def test_a_point_inside_and_one_outside() -> None:
    """Of two plates, the upper one has its sky above, the lower one below."""
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), axis=-1).reshape(-1, 2)
    pos = np.concatenate([np.c_[grid, np.zeros(400)], np.c_[grid, np.full(400, 3.0)]])
    normal = np.tile([0.0, 0.0, 1.0], (800, 1))
    sky = np.empty(800)
    sky_cpu.open_sky(pos, normal, np.array([[0.0, 0.0, 1.0]]), 1.5, sky)
    assert (sky[:400] == -0.5).all()
    assert (sky[400:] == 0.5).all()
