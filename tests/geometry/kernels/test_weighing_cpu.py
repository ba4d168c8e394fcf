"""Weighted sums over neighbors against the plain gather, values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pcea.geometry import gather
from pcea.geometry.kernels.weighing_cpu import add_weighted, spread_weighted, weigh_neighbors


@pytest.fixture(params=[3, 16, 37])
def neighbors(
    request: pytest.FixtureRequest, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    x = torch.randn(2, 9, request.param, generator=generator).double().requires_grad_()
    index = torch.randint(0, 9, (2, 5, 3), generator=generator)
    weight = torch.rand(2, 5, 3, generator=generator).double().requires_grad_()
    return x, index, weight


def test_is_the_weighted_sum(neighbors: tuple[Tensor, Tensor, Tensor]) -> None:
    x, index, weight = neighbors
    ours = weigh_neighbors(x, index, weight)
    plain = (gather(x, index) * weight.unsqueeze(-1)).sum(2)
    torch.testing.assert_close(ours, plain)
    grad = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1)).double()
    for one, other in zip(
        torch.autograd.grad(ours, (x, weight), grad),
        torch.autograd.grad(plain, (x, weight), grad),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_operator_keeps_torchs_rules(neighbors: tuple[Tensor, Tensor, Tensor]) -> None:
    torch.library.opcheck(torch.ops.pcea.weigh_neighbors.default, neighbors)


def test_loops_as_python_runs_them(neighbors: tuple[Tensor, Tensor, Tensor]) -> None:
    x, index, weight = (each.detach()[0].numpy() for each in neighbors)
    grad = np.random.default_rng(0).normal(size=(5, x.shape[1]))
    out = [np.empty_like(grad), np.empty_like(grad)]
    add_weighted(x, index, weight, out[0])
    add_weighted.py_func(x, index, weight, out[1])
    np.testing.assert_allclose(*out)
    gradients = [(np.zeros_like(x), np.empty_like(weight)) for _ in range(2)]
    spread_weighted(x, index, weight, grad, *gradients[0])
    spread_weighted.py_func(x, index, weight, grad, *gradients[1])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other)
