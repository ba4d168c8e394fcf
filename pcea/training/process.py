"""What training sets for the whole process while it lasts."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from pcea.recipes import Recipe
from pcea.training.precision import in_bf16

# Names of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MEBIBYTE = 1 << 20


@contextmanager
def process_settings(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Set what the recipe's arithmetic on a device is quickest with; at the end, put it back.

    On a CPU with glibc, freed memory stays with the process: every step frees large tensors and
    asks for as many anew, and the system zeroes each page first. Numbers below 1e-38 become 0: a
    softmax over points and its gradient are full of them, and they are slow to multiply.

    On CUDA, a recipe in bf16 multiplies what stays float32 as TF32.
    """
    if device.type == "cuda" and in_bf16(recipe, device):
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)
    elif device.type == "cpu":
        with kept_memory(), flushed_denormals():
            yield
    else:
        yield


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """While entered, take denormal numbers for 0, in this thread and those that it starts."""
    before = bool(torch.tensor(1e-39) * 1 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def kept_memory() -> Iterator[bool]:
    """While entered, keep freed memory in the process; true where the C library can do so."""
    mallopt = _mallopt()
    # No tensor has a mapping of its own, and the end of the heap is not handed back.
    kept = mallopt is not None and all((mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, -1)))
    try:
        yield kept
    finally:
        if mallopt is not None:
            # The defaults grow with use up to these, and stand still once they were set.
            mallopt(_MMAP_MAX, 65536)
            mallopt(_MMAP_THRESHOLD, 32 * _MEBIBYTE)
            mallopt(_TRIM_THRESHOLD, 64 * _MEBIBYTE)
            ctypes.CDLL(None).malloc_trim(0)


def _mallopt() -> Callable[[int, int], int] | None:
    if sys.platform != "linux":
        return None
    # Other C libraries of Linux have no such function.
    return getattr(ctypes.CDLL(None), "mallopt", None)
