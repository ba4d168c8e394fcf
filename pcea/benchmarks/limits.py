"""What the machine can do at best, and how much a computation asks of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from pcea.benchmarks.measure import Clock, Contestant

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
GIB = 1 << 30
# A product that takes longer than this is not tried again, nor is a larger one.
LONG_SECONDS = 2.0


@dataclass(frozen=True)
class Limits:
    """The roof over every figure.

    Args:
        products: floating point operations a second of a product of matrices, by precision.
        copy: bytes a second of a copy, those read and those written both counted.
    """

    products: dict[str, float]
    copy: float

    def best_with(self, other: Limits) -> Limits:
        """The higher of two measurements, figure by figure."""
        products = {name: max(rate, other.products[name]) for name, rate in self.products.items()}
        return Limits(products, max(self.copy, other.copy))

    def above(self, other: Limits) -> bool:
        """Whether a rate of products is higher than another measurement's by more than 5 %."""
        return any(rate > 1.05 * other.products[name] for name, rate in self.products.items())

    def share(self, contestant: Contestant, seconds: float) -> float | None:
        """Which share of the machine's rate a call of so many seconds reaches."""
        rate = self.products.get(contestant.precision)
        if not contestant.work or not rate:
            return None
        return contestant.work / seconds / rate


def measure_limits(
    device: torch.device,
    clock: Clock = time.perf_counter,
    sizes: Sequence[int] | None = None,
    copied: int | None = None,
    repeats: int = 3,
) -> Limits:
    """Measure the machine's rate of products of matrices and its bandwidth, each at its best.

    Args:
        device: which device.
        clock: seconds from anywhere; it waits for the device.
        sizes: square matrices to try. Default: 1024 to 4096, on a GPU to 16384.
        copied: bytes to copy, more than caches hold. Default: 512 MiB, on a GPU 4 GiB.
        repeats: how often each is tried. Default 3.

    Returns:
        The best of all.
    """
    on_gpu = device.type == "cuda"
    sizes = sizes or ((4096, 8192, 16384) if on_gpu else (1024, 2048, 4096))
    products = dict.fromkeys(DTYPES, 0.0)
    for name, dtype in DTYPES.items():
        for size in sizes:
            left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
            out = torch.empty_like(left)
            seconds = _best(partial(torch.mm, left, right, out=out), clock, repeats)
            products[name] = max(products[name], 2 * size**3 / seconds)
            if seconds > LONG_SECONDS:  # bf16 where no unit multiplies it: larger ones take minutes
                break
    copied = copied or (4 * GIB if on_gpu else GIB // 2)
    source = torch.zeros(copied // 4, device=device)
    target = torch.ones_like(source)
    seconds = _best(partial(target.copy_, source), clock, repeats)
    return Limits(products, 2 * 4 * source.numel() / seconds)


def count_operations(call: Callable[[], Any]) -> int:
    """Count the floating point operations of a call: its products of matrices and convolutions.

    A multiplication and the addition after it are two. What is neither counts nothing:
    normalizations, activations, and operators of this package such as farthest point sampling.

    Args:
        call: what to count, eager; it is run once.

    Returns:
        The operations.
    """
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def _best(call: Callable[[], Any], clock: Clock, repeats: int) -> float:
    best = float("inf")
    for _ in range(1 + repeats):
        started = clock()
        call()
        best = min(best, clock() - started)
        if best > LONG_SECONDS:
            break
    return max(best, 1e-9)
