"""Operators: opaque to a compiler, quick to start, and without a gradient unless one is given."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from pcea.operators import operator


@operator("test_double")
def double(x: Tensor, times: int) -> Tensor:
    """An operator that a compiler could not trace: it leaves torch."""
    return torch.from_numpy(x.detach().numpy() * 2**times)


double.register_fake(lambda x, times: torch.empty_like(x))
double.register_autograd(
    lambda ctx, gradient: (gradient * 2**ctx.times, None),
    setup_context=lambda ctx, inputs, output: setattr(ctx, "times", inputs[1]),
)


@operator("test_plain")
def plain(x: Tensor) -> Tensor:
    """An operator without a gradient."""
    return x.clone()


def test_values_and_gradient() -> None:
    x = torch.tensor([1.0, -3.0], requires_grad=True)
    out = double(x, 2)
    out.sum().backward()
    assert out.tolist() == [4.0, -12.0] and x.grad is not None
    assert x.grad.tolist() == [4.0, 4.0]


def test_a_compiler_calls_it_whole() -> None:
    """The frontend alone is tried, which needs no C++ compiler."""
    step = torch.compile(lambda x: double(x + 1, 1) + 1, fullgraph=True, backend="aot_eager")
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    out = step(x)
    out.sum().backward()
    assert out.tolist() == [5.0, 7.0] and x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0]
    torch.library.opcheck(torch.ops.pcea.test_double.default, (torch.ones(3), 1))


def test_without_a_gradient_the_backward_pass_is_refused() -> None:
    with pytest.raises(RuntimeError, match="test_plain has no gradient"):
        plain(torch.ones(2, requires_grad=True)).sum().backward()


def test_a_model_runs_without_the_compiler_that_takes_a_second_to_import() -> None:
    code = """
import sys, torch, pcea
model = pcea.create_model("eat-tiny", dims=(8, 8, 8), fused=8, hidden=(8, 8)).eval()
model.predict(torch.rand(64, 3).numpy(), 2)
print("torch._dynamo" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
