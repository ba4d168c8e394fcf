"""The loops as Python runs them against numpy, and as compiled against themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pcea.models.edges import kernels

Run = Callable[..., None]


@pytest.fixture(params=["python", "compiled"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], Run]:
    return lambda loop: loop.py_func if request.param == "python" else loop


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_clouds_of_a_batch(run: Callable[[Any], Run], rng: np.random.Generator) -> None:
    near, own = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 4, 3))
    index = rng.integers(0, 5, (2, 4, 2))
    every = np.stack([near[b][index[b]] + own[b][:, None] for b in range(2)])  # (B, M, k, C)

    about, of_center, squares = rng.normal(size=3), np.empty((2, 4, 3)), np.zeros((2, 3))
    run(kernels.sum_edges)(about, near, own, index, of_center, squares)
    np.testing.assert_allclose(of_center, every.sum(2) - 2 * own)
    np.testing.assert_allclose(squares, ((every - about) ** 2).sum((1, 2)))

    again, twice = np.empty((2, 4, 3)), np.zeros((2, 3))
    best, arg = np.empty((2, 4, 3)), np.empty((2, 4, 3), np.int32)
    run(kernels.sum_and_strongest)(about, near, own, index, again, twice, best, arg)
    np.testing.assert_array_equal(again, of_center)
    np.testing.assert_array_equal(twice, squares)
    np.testing.assert_array_equal(best, every.max(2))
    np.testing.assert_array_equal(arg, np.take_along_axis(index, every.argmax(2), 2))

    alone = np.empty((2, 4, 3))
    run(kernels.strongest)(near, own, index, alone)
    np.testing.assert_array_equal(alone, best)


@pytest.mark.parametrize("with_maximum", [True, False])
def test_gradients_of_points(
    run: Callable[[Any], Run], rng: np.random.Generator, with_maximum: bool
) -> None:
    near, own = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 4, 3))
    index, (constant, slope) = rng.integers(0, 5, (2, 4, 2)), rng.normal(size=(2, 3))
    arg = np.take_along_axis(index, rng.integers(0, 2, (2, 4, 3)), 2).astype(np.int32)
    of_best, found, wanted = rng.normal(size=(2, 4, 3)), np.empty((2, 5, 3)), np.zeros((2, 5, 3))
    if not with_maximum:
        arg, of_best = arg[:, :0], of_best[:, :0]
    run(kernels.pass_to_points)(near, own, index, constant, slope, arg, of_best, found)
    for b, i, edge in np.ndindex(2, 4, 2):
        j = index[b, i, edge]
        wanted[b, j] += constant + slope * (near[b, j] + own[b, i])
    for b, i, c in np.ndindex(*arg.shape):
        wanted[b, arg[b, i, c], c] += of_best[b, i, c]
    np.testing.assert_allclose(found, wanted)


def test_edges_of_a_tile(run: Callable[[Any], Run], rng: np.random.Generator) -> None:
    near, own = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    index = rng.integers(0, 5, (4, 2))
    edges = np.empty((8, 3))
    run(kernels.relu_edges)(near, own, index, edges)
    every = np.maximum(near[index] + own[:, None], 0)
    np.testing.assert_array_equal(edges, every.reshape(8, 3))


def test_maximum_and_moments(run: Callable[[Any], Run], rng: np.random.Generator) -> None:
    edges, about = rng.normal(size=(8, 3)), rng.normal(size=3)
    best, arg = np.empty((4, 3)), np.empty((4, 3), np.int32)
    total, square = np.ones(3), np.ones(3)
    run(kernels.maximum_and_moments)(edges, about, best, arg, total, square)
    np.testing.assert_array_equal(best, edges.reshape(4, 2, 3).max(1))
    np.testing.assert_array_equal(arg, edges.reshape(4, 2, 3).argmax(1))
    np.testing.assert_allclose(total, 1 + (edges - about).sum(0))
    np.testing.assert_allclose(square, 1 + ((edges - about) ** 2).sum(0))


def test_gradients(run: Callable[[Any], Run], rng: np.random.Generator) -> None:
    edges, weight = rng.normal(size=(8, 3)), rng.normal(size=(5, 3))
    arg, of_best = rng.integers(0, 2, (4, 5)).astype(np.int32), rng.normal(size=(4, 5))
    of_best[1, 2] = 0
    of_products = np.zeros((4, 2, 5))
    np.put_along_axis(of_products, arg[:, None], of_best[:, None], axis=1)
    of_products = of_products.reshape(8, 5)
    gradient, of_weight = np.ones((8, 3)), np.ones((5, 3))
    run(kernels.pass_maximum)(edges, weight, arg, of_best, gradient, of_weight)
    np.testing.assert_allclose(gradient, 1 + of_products @ weight)
    np.testing.assert_allclose(of_weight, 1 + of_products.T @ edges)

    index = rng.integers(0, 5, (4, 2))
    of_near, of_own = np.zeros((5, 3)), np.empty((4, 3))
    run(kernels.collect_gradient)(gradient, edges, index, of_near, of_own)
    passed = gradient * (edges > 0)
    wanted = np.zeros((5, 3))
    np.add.at(wanted, index.ravel(), passed)
    np.testing.assert_allclose(of_near, wanted)
    np.testing.assert_allclose(of_own, passed.reshape(4, 2, 3).sum(1))
