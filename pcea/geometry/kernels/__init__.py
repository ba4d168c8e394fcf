"""Compiled loops for farthest points and neighbors: numba on a CPU, Triton on a GPU.

Each gives exactly the same indices as the plain torch version in the module that calls it.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pcea.operators import Operator


@cache
def has_triton() -> bool:
    """Tell whether Triton is installed, as with torch's CUDA builds on Linux."""
    return find_spec("triton") is not None


def by_kernel(module: str, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that runs the kernel for the inputs that it takes, else the plain version."""

    def run(*args: Any) -> Any:
        if module.endswith("_gpu") and not has_triton():
            return plain(*args)
        kernel = import_module(f"{__name__}.{module}")
        return (getattr(kernel, name) if kernel.takes(*args) else plain)(*args)

    return run


def with_kernels(
    files: str, name: str, plain: Callable[..., Any], fake: Callable[..., Any]
) -> Operator:
    """Register a torch operator that runs kernels for the inputs that they take, else plain torch.

    Args:
        files: the names of the kernel modules before ``_cpu`` and ``_gpu``.
        name: the name of the operator, and of the functions in the kernel modules.
        plain: the computation in plain torch, on any device.
        fake: returns an output of the same shape without values, for torch.compile.
    """
    made = Operator(name, plain)
    made.register_fake(fake)
    made.register_kernel("cpu", by_kernel(f"{files}_cpu", name, plain))
    made.register_kernel("cuda", by_kernel(f"{files}_gpu", name, plain))
    return made
