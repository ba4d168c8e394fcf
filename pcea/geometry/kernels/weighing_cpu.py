"""Weighted sums over neighbors on a CPU, the neighbors' features never held."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pcea.geometry.kernels.compiled import compiled, spread

Array = np.ndarray[Any, np.dtype[Any]]


def weigh_neighbors(x: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Add up the features of neighbors, each times its weight.

    Args:
        x: (B, N, C) features, float32 or float64.
        index: (B, M, k) int64 indices into N.
        weight: (B, M, k) weights, of the type of ``x``.

    Returns:
        (B, M, C) sums.
    """
    return _weigh(x.contiguous(), index.contiguous(), weight.contiguous())


@torch.library.custom_op("pcea::weigh_neighbors", mutates_args=(), device_types="cpu")
def _weigh(x: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    out = x.new_empty(*index.shape[:2], x.shape[2])

    def run(low: int, high: int) -> None:
        for cloud in range(low, high):
            add_weighted(*(each[cloud].numpy() for each in (x, index, weight, out)))

    spread(len(x), run)
    return out


@_weigh.register_fake
def _(x: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    return x.new_empty(*index.shape[:2], x.shape[2])


@torch.library.custom_op("pcea::weigh_neighbors_backward", mutates_args=(), device_types="cpu")
def _weigh_backward(
    x: Tensor, index: Tensor, weight: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor]:
    of_x, of_weight = torch.zeros_like(x), torch.empty_like(weight)

    def run(low: int, high: int) -> None:
        for cloud in range(low, high):
            spread_weighted(
                *(each[cloud].numpy() for each in (x, index, weight, grad, of_x, of_weight))
            )

    spread(len(x), run)
    return of_x, of_weight


@_weigh_backward.register_fake
def _(x: Tensor, index: Tensor, weight: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(weight)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor]:
    x, index, weight = ctx.saved_tensors
    of_x, of_weight = _weigh_backward(x, index, weight, grad.contiguous())
    return of_x, None, of_weight


_weigh.register_autograd(_gradient, setup_context=_keep)


@compiled
def add_weighted(x: Array, index: Array, weight: Array, out: Array) -> None:
    """Fill ``out`` (M, C) with Σ_e weight[i, e] · x[index[i, e]]."""
    for i in range(index.shape[0]):
        for c in range(x.shape[1]):
            out[i, c] = 0
        for edge in range(index.shape[1]):
            j, share = index[i, edge], weight[i, edge]
            for c in range(x.shape[1]):
                out[i, c] += share * x[j, c]


@compiled
def spread_weighted(
    x: Array, index: Array, weight: Array, grad: Array, of_x: Array, of_weight: Array
) -> None:
    """Add what ``grad`` (M, C) comes to, to ``of_x`` (N, C), and fill ``of_weight`` (M, k)."""
    for i in range(index.shape[0]):
        for edge in range(index.shape[1]):
            j, share = index[i, edge], weight[i, edge]
            products = np.zeros(16, x.dtype)
            whole = x.shape[1] // 16 * 16
            for c in range(0, whole, 16):
                for lane in range(16):
                    of_x[j, c + lane] += share * grad[i, c + lane]
                    products[lane] += grad[i, c + lane] * x[j, c + lane]
            for c in range(whole, x.shape[1]):
                of_x[j, c] += share * grad[i, c]
                products[0] += grad[i, c] * x[j, c]
            of_weight[i, edge] = products.sum()
