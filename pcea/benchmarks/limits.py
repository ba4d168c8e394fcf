"""The limits of the machine, and the operations that a computation needs."""

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
# A product that takes longer is not repeated, and larger ones are not tried.
LONG_SECONDS = 2.0


@dataclass(frozen=True)
class Limits:
    """The highest rates of the machine.

    Args:
        products: floating point operations per second of matrix products, by precision.
        copy: bytes per second of a copy, with those read and those written both counted.
    """

    products: dict[str, float]
    copy: float

    def best_with(self, other: Limits) -> Limits:
        """Take the higher of two measurements for each rate."""
        products = {name: max(rate, other.products[name]) for name, rate in self.products.items()}
        return Limits(products, max(self.copy, other.copy))

    def above(self, other: Limits) -> bool:
        """Say whether a rate of products exceeds that of another measurement by more than 5 %."""
        return any(rate > 1.05 * other.products[name] for name, rate in self.products.items())

    def share(self, contestant: Contestant, seconds: float) -> float | None:
        """Compute which share of the machine's rate a call of so many seconds reaches."""
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
    """Measure the highest rate of matrix products and the highest bandwidth of the machine.

    Args:
        device: the device to measure.
        clock: gives seconds, after waiting for the device.
        sizes: sizes of square matrices to try. Default: 1024 to 4096, on a GPU to 16384.
        copied: bytes to copy, more than caches hold. Default: 512 MiB, on a GPU 4 GiB.
        repeats: how often each is tried.
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
            if seconds > LONG_SECONDS:  # slow bf16: larger products take minutes
                break
    copied = copied or (4 * GIB if on_gpu else GIB // 2)
    source = torch.zeros(copied // 4, device=device)
    target = torch.ones_like(source)
    seconds = _best(partial(target.copy_, source), clock, repeats)
    return Limits(products, 2 * 4 * source.numel() / seconds)


def count_operations(call: Callable[[], Any]) -> int:
    """Count the floating point operations of a call's matrix products and convolutions.

    A multiplication and the addition after it are two operations. Normalizations, activations and
    operators of this package, such as farthest point sampling, count as none. The call is run once
    and must be eager.
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
