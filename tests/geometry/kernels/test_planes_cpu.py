"""The plane's loops against LAPACK, and against a fit written out with numpy."""

import numpy as np
import pytest

from pcea.geometry.kernels import planes_cpu


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
def test_the_smallest_axis_is_lapacks(scale: float) -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        half = scale * random.normal(size=(3, 3))
        matrix = half + half.T
        values, vectors = np.linalg.eigh(matrix)
        both = np.concatenate([matrix, np.empty((3, 3))])
        best = planes_cpu.smallest_axis(both)
        diagonal, axes = np.diag(both[:3]), both[3:]
        np.testing.assert_allclose(np.sort(diagonal), values, rtol=0, atol=1e-13 * scale)
        assert abs(axes[:, best] @ vectors[:, 0]) > 1 - 1e-9
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-13)


@pytest.mark.parametrize("diagonal", [(0, 0, 0), (1, 1, 1), (2, 1, 1), (1, 0, 1)])
def test_equal_eigenvalues_still_give_an_axis(diagonal: tuple[float, ...]) -> None:
    both = np.concatenate([np.diag(np.array(diagonal, float)), np.empty((3, 3))])
    best = planes_cpu.smallest_axis(both)
    assert diagonal[best] == min(diagonal)
    assert np.array_equal(both[3:], np.eye(3))


def test_planes_are_those_of_the_weighted_fits() -> None:
    random = np.random.default_rng(1)
    pos = random.normal(size=(40, 3))
    away = np.linalg.norm(pos[:, None] - pos, axis=-1)
    index = np.argsort(away, axis=1, kind="stable")[:, :10]
    normal, offset = np.empty((40, 3)), np.empty(40)
    planes_cpu.fit_planes(pos, index, normal, offset)
    for point, neighbors in enumerate(index):
        near = pos[neighbors] - pos[point]
        square = (near**2).sum(1)
        nearness = np.exp(-square / (planes_cpu.REACH * square.max()))
        first = np.average(near, axis=0, weights=nearness)
        matrix = np.cov(near.T, aweights=nearness, ddof=0)
        unit = np.linalg.eigh(matrix - planes_cpu.OUTWARD * np.outer(first, first))[1][:, 0]
        for _ in range(planes_cpu.REFITS):
            off = (near @ unit) ** 2 / (planes_cpu.TOLERANCE**2 * square.mean())
            matrix = np.cov(near.T, aweights=nearness * np.exp(-off), ddof=0)
            unit = np.linalg.eigh(matrix)[1][:, 0]
        sign = np.sign(unit @ normal[point])
        np.testing.assert_allclose(normal[point], sign * unit, atol=1e-9)
        expected = -(first @ normal[point]) / np.sqrt(square.max())
        np.testing.assert_allclose(offset[point], expected, atol=1e-9)
