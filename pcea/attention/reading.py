"""Reading a memory in blocks of points, without storing the queries or a second map."""

from typing import Any

import torch
from torch import Tensor

from pcea.operators import operator

# Scores per block. On a CPU, a block stays in the cache; a GPU is faster with few calls.
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
    """Read a memory: out = Norm(x keysᵀ) values for each of H heads, (B, N, H·D).

    Norm is :func:`pcea.attention.external.double_normalize`. The points are read in blocks: only
    the map A and one block are held. Second derivatives are not supported and raise an error.

    Args:
        x: (B, N, C) features.
        keys: (H, S, C), a memory of S slots for each head.
        values: (S, D), shared by the heads.
        mask: (B, N) bool, True at the real points; the output of others is 0. None: all are real.
        eps: keeps the second normalization finite.
        rows: points per block, of one cloud or of several. Default: depends on the device.

    Source:
        Guo et al., Beyond Self-attention, arXiv 2105.02358, eq. 5-7 and algorithms 1 and 2. The
        softmax over blocks: Milakov and Gimelshein, Online normalizer calculation for softmax,
        arXiv 1805.02867. docs/attention.md derives the backward.
    """
    device = x.device.type
    # Not torch.amp.is_autocast_available: torch 2.10 cannot compile it.
    if device != "meta" and torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        # Like autocast of a Linear layer, this keeps float64.
        x, keys, values = (
            each if each.dtype == torch.float64 else each.to(dtype) for each in (x, keys, values)
        )
    if rows is None:
        rows = max(1, (_CPU_SCORES if device == "cpu" else _OTHER_SCORES) // keys[..., 0].numel())
    return _read(x, keys, values, mask, eps, rows)[0]


@operator("read_memory")
def _read(
    x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, eps: float, rows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the output, the weights A (B, N, H·S), and the sums of Â + ε (B, N, H)."""
    out, weights, sums = _empty(x, keys, values)
    slots = keys.shape[1]
    keys = keys.flatten(0, 1)  # (H·S, C)
    clouds, spans = _blocks(x, rows)
    # Not -inf: a cloud without real points keeps this maximum, and -inf − -inf is NaN.
    lowest = torch.finfo(weights.dtype).min
    for some in clouds:  # g of them
        maximum, maxima = weights.new_full((len(x[some]), 1, len(keys)), lowest), []
        total = torch.zeros_like(maximum)
        for span in spans:
            block = weights[some, span]  # (g, n, H·S)
            _multiply(x[some, span].flatten(0, 1), keys.T, block.flatten(0, 1))
            if mask is not None:
                block.masked_fill_(~mask[some, span].unsqueeze(-1), -torch.inf)
            raised = torch.maximum(maximum, block.amax(1, keepdim=True))
            block.sub_(raised).exp_()
            total.mul_((maximum - raised).exp_()).add_(block.sum(1, keepdim=True))
            maximum = raised
            maxima.append(maximum)
        # The highest score alone contributes 1; only a cloud without real points has less.
        total.clamp_min_(1.0)
        for span, block_maximum in zip(spans, maxima, strict=True):
            block = weights[some, span].mul_((block_maximum - maximum).exp_() / total)
            each = block.view(-1, slots)  # (g·n·H, S)
            divisor = each.sum(-1, keepdim=True).add_(eps)
            each.div_(divisor)
            sums[some, span] = divisor.view_as(sums[some, span])
            _multiply(each.to(values.dtype), values, out[some, span].view(-1, values.shape[1]))
    return out, weights, sums


_read.register_fake(lambda x, keys, values, *_: _empty(x, keys, values))


@operator("read_memory_backward")
def _read_backward(
    grad: Tensor, x: Tensor, keys: Tensor, values: Tensor, weights: Tensor, sums: Tensor, rows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of x, keys and values, in the symbols of docs/attention.md."""
    (heads, slots), dim = keys.shape[:2], values.shape[1]
    keys_rows = keys.flatten(0, 1)  # (H·S, C)
    grad_x = x.new_empty(x.shape)
    # The blocks are added up in float32, even if they are multiplied in bfloat16.
    grad_keys = torch.zeros_like(keys_rows, dtype=weights.dtype)
    grad_values = torch.zeros_like(values, dtype=weights.dtype)

    def centered(some: slice, span: slice) -> Tensor:
        """Compute T = dA − Σ_S A∘dA, (g·n·H, S)."""
        each = weights[some, span].view(-1, slots)
        read = (grad[some, span].reshape(-1, dim) @ values.T).to(weights.dtype)
        return read.sub_((each * read).sum(-1, keepdim=True))

    clouds, spans = _blocks(x, rows)
    # Autocast may be on in the backward pass, and would reduce the precision again.
    with torch.autocast(x.device.type, enabled=False):
        for some in clouds:
            columns = weights.new_zeros(len(x[some]), 1, len(keys_rows))
            for span in spans:
                block = weights[some, span]  # (g, n, H·S)
                t = centered(some, span)
                columns.add_((t.view_as(block) * block).sum(1, keepdim=True))
                each = block.view(-1, slots).to(grad.dtype)
                grad_values.add_(each.T @ grad[some, span].reshape(-1, dim))
            for span in spans:
                block = weights[some, span]
                if len(spans) > 1:
                    t = centered(some, span)
                t = t.view(*block.shape[:2], heads, slots)
                column = columns.unflatten(-1, (heads, slots))
                t.addcmul_(sums[some, span].unsqueeze(-1), column, value=-1)
                scores = t.view_as(block).mul_(block).flatten(0, 1).to(x.dtype)  # their gradient
                _multiply(scores, keys_rows, grad_x[some, span].flatten(0, 1))
                grad_keys.add_(scores.T @ x[some, span].flatten(0, 1))
    return grad_x, grad_keys.view_as(keys).to(keys.dtype), grad_values.to(values.dtype)


_read_backward.register_fake(
    lambda grad, *inputs: tuple(each.new_empty(each.shape) for each in inputs[:3])
)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, keys, values, _, _, ctx.rows = inputs
    ctx.save_for_backward(x, keys, values, *output[1:])
    # Nothing outside uses the map, and its gradient would be another map, of zeros.
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, grad: Tensor | None, *unused: None) -> tuple[Tensor | None, ...]:
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


def _blocks(x: Tensor, rows: int) -> tuple[list[slice], list[slice]]:
    """Split the clouds, and the points of each: a block has some small clouds, or a part of one."""
    batch, points = x.shape[:2]
    few = max(1, rows // max(1, points))
    clouds = [slice(first, first + few) for first in range(0, batch, few)]
    return clouds, [slice(first, first + rows) for first in range(0, points, rows)]


def _multiply(a: Tensor, b: Tensor, into: Tensor) -> None:
    if into.dtype == a.dtype:
        torch.mm(a, b, out=into)
    else:
        into.copy_(a @ b)
