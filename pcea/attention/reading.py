"""Reading a memory without the query and with one map, in blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

# Scores a block, by device. On a CPU they stay in its cache; a GPU wants few calls.
_CPU_SCORES = 1 << 20
_OTHER_SCORES = 1 << 26


def read_memory(
    x: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None = None,
    eps: float = 1e-9,
    rows: int | None = None,
) -> Tensor:
    """Let points read a memory: out = Norm(x keysᵀ) values, (B, N, H·D), for each of H heads.

    Norm is :func:`pcea.attention.external.double_normalize`. Values and gradients are, to rounding,
    those of the equations, in blocks of points: one map is kept, A, and beside it a block. With
    keys Mk Wqᵀ no query is made. Gradients are of first order; their own raise.

    Args:
        x: (B, N, C) features.
        keys: (H, S, C), a memory of S slots for each head.
        values: (S, D), shared by the heads.
        mask: (B, N) bool, True at the real points; the others read 0. None: all are real.
        eps: keeps the second normalization finite.
        rows: points a block. Default: what suits the device.

    Source:
        Guo et al., Beyond Self-attention, arXiv 2105.02358, eq. 5-7 and algorithms 1 and 2. The
        softmax over blocks: Milakov and Gimelshein, Online normalizer calculation for softmax,
        arXiv 1805.02867. docs/attention.md derives the backward.
    """
    device = x.device.type
    # Not torch.amp.is_autocast_available: torch 2.10 cannot compile it.
    if device != "meta" and torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        # As autocast does with a Linear layer: float64 stays.
        x, keys, values = (
            each if each.dtype == torch.float64 else each.to(dtype) for each in (x, keys, values)
        )
    if rows is None:
        rows = max(1, (_CPU_SCORES if device == "cpu" else _OTHER_SCORES) // keys[..., 0].numel())
    return _read(x, keys, values, mask, eps, rows)[0]


@torch.library.custom_op("pcea::read_memory", mutates_args=())
def _read(
    x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, eps: float, rows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what is read, the weights A (B, N, H·S), and each row's sum of Â + ε (B, N, H)."""
    out, weights, sums = _empty(x, keys, values)
    slots = keys.shape[1]
    keys = keys.flatten(0, 1)  # (H·S, C)
    # Not -inf: a cloud of padding alone has this maximum, and -inf less -inf is NaN.
    lowest = torch.finfo(weights.dtype).min
    for clouds, spans in _blocks(x, rows):
        top = torch.full_like(weights[clouds, 0], lowest)  # (b, H·S)
        total = torch.zeros_like(top)
        tops = []
        for span in spans:
            block = weights[clouds, span]  # (b, n, H·S)
            _multiply(x[clouds, span].reshape(-1, x.shape[2]), keys.T, block.view(-1, len(keys)))
            if mask is not None:
                block.masked_fill_(~mask[clouds, span].unsqueeze(-1), -torch.inf)
            higher = torch.maximum(top, block.amax(1))
            block.sub_(higher.unsqueeze(1)).exp_()
            total.mul_((top - higher).exp_()).add_(block.sum(1))
            top = higher
            tops.append(top)
        # At least 1, the highest score's own share, but for a cloud of padding alone.
        total.clamp_min_(1.0)
        for span, then in zip(spans, tops, strict=True):
            block = weights[clouds, span]
            block.mul_(((then - top).exp_() / total).unsqueeze(1))
            each = block.view(-1, slots)  # (b·n·H, S)
            divisor = each.sum(-1, keepdim=True).add_(eps)
            each.div_(divisor)
            sums[clouds, span] = divisor.view(block.shape[0], block.shape[1], -1)
            _multiply(each.to(values.dtype), values, out[clouds, span].view(-1, values.shape[1]))
    return out, weights, sums


@_read.register_fake
def _(x: Tensor, keys: Tensor, values: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    return _empty(x, keys, values)


@torch.library.custom_op("pcea::read_memory_backward", mutates_args=())
def _read_backward(
    grad: Tensor, x: Tensor, keys: Tensor, values: Tensor, weights: Tensor, sums: Tensor, rows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of x, keys and values; the symbols are those of docs/attention.md."""
    (heads, slots), dim = keys.shape[:2], values.shape[1]
    keys_rows = keys.flatten(0, 1)  # (H·S, C)
    grad_x = x.new_empty(x.shape)
    # Summed in float32 over the blocks, also where they multiply in bfloat16.
    grad_keys = torch.zeros_like(keys_rows, dtype=weights.dtype)
    grad_values = torch.zeros_like(values, dtype=weights.dtype)

    def centered(clouds: slice, span: slice) -> Tensor:
        """T = dA less its mean under A, (b·n·H, S)."""
        each = weights[clouds, span].view(-1, slots)
        read = grad[clouds, span].reshape(-1, dim) @ values.T
        read = read.to(weights.dtype)
        return read.sub_((each * read).sum(-1, keepdim=True))

    # The caller may go backward under autocast, which would narrow the products anew.
    with torch.autocast(x.device.type, enabled=False):
        for clouds, spans in _blocks(x, rows):
            columns = torch.zeros_like(weights[clouds, 0])  # (b, H·S)
            for span in spans:
                block = weights[clouds, span]  # (b, n, H·S)
                t = centered(clouds, span)
                columns.add_((t.view_as(block) * block).sum(1))
                each = block.view(-1, slots).to(grad.dtype)
                grad_values.add_(each.T @ grad[clouds, span].reshape(-1, dim))
            for span in spans:
                block = weights[clouds, span]
                if len(spans) > 1:
                    t = centered(clouds, span)
                t = t.view(block.shape[0], block.shape[1], heads, slots)
                t.addcmul_(
                    sums[clouds, span].unsqueeze(-1),
                    columns.view(-1, 1, heads, slots),
                    value=-1,
                )
                scores = t.view_as(block).mul_(block)  # the gradient of the scores
                scores = scores.view(-1, len(keys_rows)).to(x.dtype)  # (b·n, H·S)
                _multiply(scores, keys_rows, grad_x[clouds, span].view(-1, x.shape[2]))
                grad_keys.add_(scores.T @ x[clouds, span].reshape(-1, x.shape[2]))
    return grad_x, grad_keys.view_as(keys).to(keys.dtype), grad_values.to(values.dtype)


@_read_backward.register_fake
def _(
    grad: Tensor, x: Tensor, keys: Tensor, values: Tensor, *_: Any
) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), keys.new_empty(keys.shape), values.new_empty(values.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, keys, values, _, _, ctx.rows = inputs
    ctx.save_for_backward(x, keys, values, *output[1:])
    # A gradient of the map, which nobody outside sees, would be a second map of zeros.
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, grad: Tensor | None, *unseen: None) -> tuple[Tensor | None, ...]:
    if grad is None:
        return (None,) * 6
    return (*_read_backward(grad, *ctx.saved_tensors, ctx.rows), None, None, None)


_read.register_autograd(_differentiate, setup_context=_save)


def _empty(x: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    points = x.shape[:2]
    heads, slots = keys.shape[:2]
    dtype = torch.promote_types(x.dtype, torch.float32)
    return (
        x.new_empty(*points, heads * values.shape[1]),
        x.new_empty(*points, heads * slots, dtype=dtype),
        x.new_empty(*points, heads, dtype=dtype),
    )


def _blocks(x: Tensor, rows: int) -> Iterator[tuple[slice, list[slice]]]:
    """Clouds that are worked on together, and the points of each in turn: about rows at a time."""
    batch, points = x.shape[:2]
    if points == 0:
        return
    clouds = max(1, rows // points)
    spans = [slice(first, first + rows) for first in range(0, points, rows)]
    for first in range(0, batch, clouds):
        yield slice(first, first + clouds), spans


def _multiply(a: Tensor, b: Tensor, into: Tensor) -> None:
    if into.dtype == a.dtype:
        torch.mm(a, b, out=into)
    else:
        into.copy_(a @ b)
