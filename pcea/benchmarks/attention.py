"""Attentions over clouds of many sizes: how their cost grows."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.attention import Attention, create_attention
from pcea.benchmarks.measure import Call, Contest, Contestant, Precision
from pcea.benchmarks.plain_attention import PlainExternalAttention, PlainOffsetAttention

HEADS, SLOTS, WINDOW = 4, 64, 128
FLASH = "flash attention alone"
OFFSET = "offset as PCT has it"
EXTERNAL = "external by its equations"


def attention_contests(
    sizes: Sequence[int],
    dim: int,
    precision: Precision,
    device: torch.device,
    training: bool = False,
) -> Iterator[Contest]:
    """Make the contests of ``pcea bench attention``.

    Args:
        sizes: points N of a cloud, one contest per size.
        dim: channels C.
        precision: of the matrix products.
        device: the device to measure on.
        training: whether forward and backward together are measured as well.
    """
    for both in (False, True) if training else (False,):
        for num in sizes:
            yield Contest(
                f"{'Forward and backward' if both else 'Forward'}: {num:,} points, C = {dim}",
                _contestants(num, dim, precision, device, both),
                reference=FLASH,
                items=num,
                unit="points",
                agree=None if both else largest_difference,
                agreement="difference",
                size=num,
            )


def _contestants(
    num: int, dim: int, precision: Precision, device: torch.device, training: bool
) -> list[Contestant]:
    # A backward pass has two matrix products for each of the forward pass.
    passes, element = 3 if training else 1, 2 if precision == "bf16" else 4
    project, pairs = 2.0 * num * dim * dim, 2.0 * num * num
    read = 4.0 * num * SLOTS * dim

    def entry(name: str, make: Callable[[], nn.Module], work: float, **more: Any) -> Contestant:
        build = partial(start, make, num, dim, precision, device, training)
        options = {"like": None, **more}
        return Contestant(name, build, work=passes * work, precision=precision, **options)

    square = num * num
    return [
        entry(FLASH, partial(Flash, dim), pairs * 2 * dim),
        entry(
            "torch's MultiheadAttention",
            partial(Multihead, dim),
            4 * project + pairs * 2 * dim,
            holds=2 * 4 * HEADS * square,  # its fast path for inference holds the attention map
        ),
        entry(
            "pcea, self",
            partial(create_attention, "self", dim),
            4 * project + pairs * 2 * dim,
            kind="ours",
        ),
        entry(
            "pcea, caam with its complement",
            partial(Both, dim),
            5 * project + 2 * pairs * 2 * dim,
            kind="ours",
        ),
        entry(
            "pcea, catt",
            partial(create_attention, "catt", dim),
            5 * project + pairs * 2 * dim + read + 4.0 * SLOTS * dim**2,
            kind="ours",
        ),
        entry(
            OFFSET,
            partial(offset, True, dim),
            1.25 * project + pairs * 1.25 * dim,
            kind="plain",
            holds=6 * 4 * square,
        ),
        entry(
            "pcea, offset",
            partial(offset, False, dim),
            1.25 * project + pairs * 1.25 * dim,
            kind="ours",
            holds=6 * 4 * square,
            like=OFFSET,
        ),
        entry(
            EXTERNAL,
            partial(external, True, dim),
            project + read,
            kind="plain",
            holds=2 * element * num * SLOTS,
            bounded=False,
        ),
        entry(
            "pcea, external",
            partial(external, False, dim),
            2.0 * dim * dim * SLOTS + read,  # Wq is multiplied into Mk once
            kind="ours",
            bounded=False,
            like=EXTERNAL,
        ),
        *(
            entry(
                f"pcea, {name}",
                partial(create_attention, name, dim),
                work,
                kind="ours",
                bounded=False,
            )
            for name, work in (
                # As with external, the query is multiplied into Mk once.
                ("multihead-external", project + 2.5 * read + 2.0 * SLOTS * dim**2),
                ("multihead-external-wide", 4 * project + 10 * read + 8.0 * SLOTS * dim**2),
                ("efficient", 4 * project + 4.0 * dim**3 / HEADS),
                ("linear", 0.25 * project + 2.0 * (dim // 8 + 1) * dim * (2 * num + dim)),
                ("halo", 4 * project + 4.0 * num * WINDOW * dim),
            )
        ),
    ]


class Flash(nn.Module):
    """``scaled_dot_product_attention`` of x with itself, without projections, in its favor."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) → (B, N, C)."""
        heads = (x * self.scale).unflatten(-1, (HEADS, -1)).transpose(1, 2)  # (B, H, N, d)
        return F.scaled_dot_product_attention(heads, heads, heads).transpose(1, 2).flatten(2)


class Multihead(nn.Module):
    """torch's own layer, without attention maps."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(dim, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) → (B, N, C)."""
        return self.layer(x, x, x, need_weights=False)[0]


class Both(nn.Module):
    """Causal attention and its complement, as a layer of a model takes them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.attention = create_attention("caam", dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) → (B, N, C), the sum of both."""
        first, second = self.attention(x, complement=True).chunk(2)
        return first + second


def external(plain: bool, dim: int) -> nn.Module:
    """Make external attention, in the plain form or as pcea has it, with the same weights."""
    attention = create_attention("external", dim, slots=SLOTS)
    if not plain:
        return attention
    form = PlainExternalAttention(dim, SLOTS)
    state = {name.removeprefix("memory."): value for name, value in attention.state_dict().items()}
    form.load_state_dict(state)
    return form


def offset(plain: bool, dim: int) -> nn.Module:
    """Make offset attention, in the plain form or as pcea has it, with the same weights."""
    attention = create_attention("offset", dim)
    if not plain:
        return attention
    form = PlainOffsetAttention(dim)
    with torch.no_grad():
        for own, theirs in zip(form.parameters(), attention.parameters(), strict=True):
            own.copy_(theirs.view_as(own))
    return form


def start(
    make: Callable[[], nn.Module],
    num: int,
    dim: int,
    precision: Precision,
    device: torch.device,
    training: bool,
) -> Call:
    """Make a call on one cloud: forward, or forward and backward with the input's gradient."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = make().to(device).train(training)
    generator = torch.Generator().manual_seed(num)
    x = torch.randn(1, num, dim, generator=generator).to(device).requires_grad_(training)
    pos = torch.rand(1, num, 3, generator=generator).to(device)
    inputs = (x, pos) if isinstance(module, Attention) else (x,)
    wanted = torch.randn(1, num, dim, generator=generator).to(device)

    def forward() -> Tensor:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, precision == "bf16"):
            return module(*inputs)

    def both() -> None:
        with torch.autocast(device.type, torch.bfloat16, precision == "bf16"):
            out = module(*inputs)
        out.backward(wanted.to(out.dtype))
        x.grad = None
        module.zero_grad(set_to_none=True)

    return both if training else forward


def largest_difference(found: Tensor, expected: Tensor) -> float:
    """Compute the largest absolute difference of two results."""
    return (found.float() - expected.float()).abs().max().item()
