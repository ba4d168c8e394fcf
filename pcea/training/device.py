"""How training uses a device: the arithmetic of the forward pass, and settings of the process."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from pcea.models.edges.precision import bf16_is_faster
from pcea.recipes import Recipe

# Names of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MEBIBYTE = 1 << 20


def in_bf16(recipe: Recipe, device: torch.device) -> bool:
    """Whether the forward pass runs under bf16 autocast.

    ``auto`` means bf16 where the device multiplies it faster: a newer CUDA device, a CPU with
    matrix units such as AMX, which is measured.
    """
    if recipe.precision == "auto":
        if device.type == "cpu":
            return bf16_is_faster()
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return recipe.precision == "bf16"


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """The recipe's arithmetic, as a context."""
    return torch.autocast(device.type, torch.bfloat16, enabled=in_bf16(recipe, device))


@contextmanager
def process_settings(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Set what the recipe's arithmetic on a device is quickest with; at the end, put it back.

    On a CPU, freed memory stays with the process and denormal numbers become 0: a softmax over
    points and its gradient are full of them, and they are slow to multiply. On CUDA, a recipe in
    bf16 multiplies what stays float32 as TF32.
    """
    with ExitStack() as stack:
        if device.type == "cpu":
            stack.enter_context(kept_memory())
            stack.enter_context(flushed_denormals())
        elif device.type == "cuda" and in_bf16(recipe, device):
            before = torch.get_float32_matmul_precision()
            stack.callback(torch.set_float32_matmul_precision, before)
            torch.set_float32_matmul_precision("high")
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
def kept_memory() -> Iterator[None]:
    """While entered, keep freed memory in the process, where the C library is glibc.

    Every step frees large tensors and asks for as many anew, and the system zeroes a new page.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        yield
        return
    # No tensor has a mapping of its own, and the end of the heap is not handed back.
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        # The defaults grow with use up to these, and stand still once they were set.
        mallopt(_MMAP_MAX, 65536)
        mallopt(_MMAP_THRESHOLD, 32 * _MEBIBYTE)
        mallopt(_TRIM_THRESHOLD, 64 * _MEBIBYTE)
        ctypes.CDLL(None).malloc_trim(0)
