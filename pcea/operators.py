"""PyTorch operators of this package, which a compiler calls without looking into them.

``torch.library.custom_op`` does the same, but its operators import ``torch._dynamo`` at their first
call, which takes longer than most calls of the command line.
"""

import sys
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import torch

_LIBRARY = torch.library.Library("pcea", "FRAGMENT")


class Operator:
    """The operator ``pcea::NAME``: a function of tensors and plain values that returns new tensors.

    Args:
        name: of the operator.
        plain: what it does, on any device. Its annotations are the operator's signature.
    """

    def __init__(self, name: str, plain: Callable[..., Any]) -> None:
        self.name = name
        _LIBRARY.define(name + torch.library.infer_schema(plain, mutates_args=()))
        _LIBRARY.impl(name, _opaque(plain), "CompositeExplicitAutograd")
        self._call = getattr(torch.ops.pcea, name).default
        self._backward: Callable[..., Any] | None = None
        self._setup_context: Callable[..., Any] | None = None
        torch.library.register_autograd(
            f"pcea::{name}",
            self._differentiate,
            setup_context=self._keep,
            lib=_LIBRARY,
        )

    def __call__(self, *values: Any) -> Any:
        """Run the operator."""
        return self._call(*values)

    def register_kernel(self, device: str, kernel: Callable[..., Any]) -> None:
        """Let a kernel do it on one kind of device, such as ``cpu``."""
        _LIBRARY.impl(self.name, _opaque(kernel), device.upper())

    def register_fake(self, fake: Callable[..., Any]) -> Callable[..., Any]:
        """Say the shapes and types of the results, for a compiler."""
        torch.library.register_fake(f"pcea::{self.name}", fake, lib=_LIBRARY)
        return fake

    def register_autograd(
        self, backward: Callable[..., Any], setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Give the gradient, as ``torch.library.register_autograd`` takes it."""
        self._backward = backward
        self._setup_context = setup_context

    def _keep(self, ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        if self._setup_context is not None:
            self._setup_context(ctx, inputs, output)

    def _differentiate(self, *values: Any) -> Any:
        if self._backward is None:
            raise RuntimeError(f"pcea::{self.name} has no gradient")
        return self._backward(*values)


def operator(name: str) -> Callable[[Callable[..., Any]], Operator]:
    """Decorate a function, to make it the operator ``pcea::NAME``."""
    return lambda plain: Operator(name, plain)


def _opaque(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that torch.compile does not trace when compiled code calls it."""

    @wraps(function)
    def run(*values: Any) -> Any:
        # Without torch._dynamo nothing is traced, and it takes a second to import.
        hidden = _disabled(function) if "torch._dynamo" in sys.modules else function
        return hidden(*values)

    return run


@cache
def _disabled(function: Callable[..., Any]) -> Callable[..., Any]:
    import torch._dynamo

    hidden: Callable[..., Any] = torch._dynamo.disable(function)
    return hidden
