"""Settings of a device in training: the precision of the forward pass, memory, denormals."""

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
    """Tell whether the forward pass runs under bf16 autocast.

    ``auto`` means bf16 if the device multiplies it faster: on newer CUDA devices, and on CPUs where
    a measurement says so, such as those with AMX.
    """
    if recipe.precision == "auto":
        if device.type == "cpu":
            return bf16_is_faster()
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return recipe.precision == "bf16"


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """Make a context in which the forward pass has the recipe's precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=in_bf16(recipe, device))


@contextmanager
def process_settings(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Set the fastest settings for a recipe on a device, and restore the old ones at the end.

    On a CPU, freed memory stays with the process, and denormal numbers become 0: a softmax over
    points and its gradient have many of them, and they are slow to multiply. On CUDA, a recipe in
    bf16 multiplies its remaining float32 matrices as TF32.
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
    """While entered, treat denormal numbers as 0, in this thread and those that it starts."""
    before = bool(torch.tensor(1e-39) * 1 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def kept_memory() -> Iterator[None]:
    """While entered, keep freed memory in the process, if the C library is glibc.

    Every step frees and allocates large tensors, and the system would fill each new page with 0.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        yield
        return
    # Allocate tensors on the heap, not as mappings, and do not return the end of the heap.
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        # These are the limits up to which glibc would raise its defaults; setting them fixes them.
        mallopt(_MMAP_MAX, 65536)
        mallopt(_MMAP_THRESHOLD, 32 * _MEBIBYTE)
        mallopt(_TRIM_THRESHOLD, 64 * _MEBIBYTE)
        ctypes.CDLL(None).malloc_trim(0)
