"""The inner loops of farthest points and neighbors, compiled: numba on a CPU, Triton on a GPU.

Each gives exactly the indices of the plain torch version beside the operator it serves.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch


@cache
def has_triton() -> bool:
    """Say whether Triton is here, as it is with torch's builds for CUDA on Linux."""
    return find_spec("triton") is not None


def by_kernel(module: str, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """A function that leaves to a kernel module's what that takes, and the rest to a plain one."""

    def run(*args: Any) -> Any:
        if module.endswith("_gpu") and not has_triton():
            return plain(*args)
        kernel = import_module(f"{__name__}.{module}")
        return (getattr(kernel, name) if kernel.takes(*args) else plain)(*args)

    return run


def operator(files: str, name: str, plain: Callable[..., Any], fake: Callable[..., Any]) -> Any:
    """One operator, which a compiler does not look into: plain torch, and kernels where they fit.

    Args:
        files: how the modules of its kernels begin, before ``_cpu`` and ``_gpu``.
        name: of the operator, and of the kernels' functions.
        plain: what it does, on any device.
        fake: the same without values, for a compiler.
    """
    made = torch.library.custom_op(f"pcea::{name}", plain, mutates_args=())
    made.register_fake(fake)
    made.register_kernel("cpu")(by_kernel(f"{files}_cpu", name, plain))
    made.register_kernel("cuda")(by_kernel(f"{files}_gpu", name, plain))
    return made
