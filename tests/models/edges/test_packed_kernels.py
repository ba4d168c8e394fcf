"""The loops over packed tiles, as Python runs them and compiled, against the same in torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pcea.models.edges import packed_kernels

Run = Callable[..., None]
CENTERS, K, C, D = 4, 5, 3, 6


@pytest.fixture(params=["python", "compiled"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], Run]:
    return lambda loop: loop.py_func if request.param == "python" else loop


def bits(values: Tensor) -> np.ndarray[Any, Any]:
    """The bits of bf16 values, in the same memory."""
    return values.view(torch.int16).numpy()


@pytest.fixture
def products(generator: torch.Generator) -> Tensor:
    """Products of each center's edges, among them negative ones alone, equal ones and zeros."""
    values = torch.randn(CENTERS, K, D, generator=generator)
    values[0] = -values[0].abs()
    values[1, :, 0] = values[1, 2, 0]
    values[2] = 0
    return values.bfloat16()


def test_edges_are_rounded_as_torch_rounds(
    run: Callable[[Any], Run], generator: torch.Generator
) -> None:
    near, own = (torch.randn(num, C, generator=generator) for num in (7, CENTERS))
    near[0] = torch.tensor([1 + 2**-8, 1 + 3 * 2**-8, 3e38])  # two ties, and a large one
    own[0] = 0
    index = torch.randint(0, 7, (CENTERS, K), generator=generator)
    index[0, 0] = 0
    rows = torch.full((CENTERS * K, C + 2), 9.0, dtype=torch.bfloat16)
    run(packed_kernels.pack_edges)(near.numpy(), own.numpy(), index.numpy(), bits(rows))
    wanted = (near[index] + own.unsqueeze(1)).relu().bfloat16().flatten(0, 1)
    assert torch.equal(rows[:, :C], wanted)
    assert (rows[:, C:] == 9).all()


@pytest.mark.parametrize("neighbors", [K, 4])
def test_maximum_of_bits_is_that_of_numbers(
    run: Callable[[Any], Run], products: Tensor, neighbors: int
) -> None:
    values = products[:, :neighbors].contiguous()
    best = np.empty((CENTERS, D), np.float32)
    run(packed_kernels.maximum)(bits(values.flatten(0, 1)), best)
    np.testing.assert_array_equal(best, values.float().amax(1).numpy())


def test_maximum_and_moments(run: Callable[[Any], Run], products: Tensor) -> None:
    about = np.linspace(-1, 1, D, dtype=np.float32)
    best, arg = np.empty((CENTERS, D), np.float32), np.empty((CENTERS, D), np.int32)
    total, square = np.ones(D), np.ones(D)
    run(packed_kernels.maximum_and_moments)(
        bits(products.flatten(0, 1)), about, best, arg, total, square
    )
    values = products.double().numpy()
    np.testing.assert_array_equal(best, values.max(1))
    np.testing.assert_array_equal(arg, values.argmax(1))  # the first of several
    off = values - about
    np.testing.assert_allclose(total, 1 + off.sum((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(square, 1 + (off**2).sum((0, 1)), rtol=1e-5)


def test_gradient_of_the_maximum_is_placed(
    run: Callable[[Any], Run], generator: torch.Generator
) -> None:
    arg = torch.randint(0, K, (CENTERS, D), generator=generator)
    of_best = torch.randn(CENTERS, D, generator=generator).bfloat16()
    rows = torch.full((CENTERS * K, C + D + 1), 9.0, dtype=torch.bfloat16)
    run(packed_kernels.place_maximum)(arg.int().numpy(), bits(of_best), bits(rows), C)
    wanted = torch.zeros(CENTERS, K, D, dtype=torch.bfloat16)
    wanted.scatter_(1, arg.unsqueeze(1), of_best.unsqueeze(1))
    assert torch.equal(rows[:, C : C + D], wanted.flatten(0, 1))
    assert (rows[:, :C] == 9).all() and (rows[:, C + D :] == 9).all()


def test_gradients_are_collected(run: Callable[[Any], Run], generator: torch.Generator) -> None:
    gradient, rows = (
        torch.randn(CENTERS * K, width, generator=generator).bfloat16() for width in (C, C + 2)
    )
    rows[::3] = 0
    fixed = torch.randn(C, generator=generator)
    index = torch.randint(0, 7, (CENTERS, K), generator=generator)
    of_near, of_own = torch.ones(7, C), torch.empty(CENTERS, C)
    run(packed_kernels.collect_gradient)(
        bits(gradient), fixed.numpy(), bits(rows), index.numpy(), of_near.numpy(), of_own.numpy()
    )
    passed = torch.where(rows[:, :C] > 0, gradient.double() + fixed, 0)
    wanted = torch.ones(7, C).double().index_add_(0, index.flatten(), passed)
    torch.testing.assert_close(of_near.double(), wanted, rtol=1e-5, atol=1e-5)
    own = passed.view(CENTERS, K, C).sum(1)
    torch.testing.assert_close(of_own.double(), own, rtol=1e-5, atol=1e-5)


def test_packed_sums_are_added(run: Callable[[Any], Run], generator: torch.Generator) -> None:
    values = torch.randn(3, C, generator=generator).bfloat16()
    total = torch.ones(3, C)
    run(packed_kernels.add_packed)(bits(values), total.numpy())
    torch.testing.assert_close(total, 1 + values.float())
