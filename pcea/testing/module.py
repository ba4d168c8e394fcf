"""Check what must be true of attentions and models as modules with weights."""

import copy
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from pcea.testing.trial import Trial, require

M = TypeVar("M", bound=nn.Module)


class ModuleTrial(Trial, Generic[M]):
    """A module with random weights of seed 0, and its inputs.

    Args:
        build: builds the module; it may take options.
        noise: standard deviation of the noise that is added to fresh weights.
    """

    inputs: tuple[Tensor, Tensor, Tensor]

    def __init__(self, build: Callable[..., M], noise: float) -> None:
        self._build = build
        self.module = self.build()
        self.generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self.module.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=self.generator), alpha=noise)

    def build(self, **options: Any) -> M:
        """Build the module again, with options that replace its own."""
        torch.manual_seed(0)
        return self._build(**options)

    def answer(self, *inputs: Tensor, module: nn.Module | None = None) -> Tensor:
        """Compute the output of the module, or of another one, in evaluation mode."""
        with torch.no_grad():
            out: Tensor = (module or self.module).eval()(*(inputs or self.inputs))
        return out

    def close(self, found: Tensor, expected: Tensor) -> None:
        """Compare as closely as float32 allows."""
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)

    def reload(self) -> nn.Module:
        """Save the module, and load it again."""
        raise NotImplementedError

    def test_training(self) -> None:
        """Every parameter gets a finite gradient that is not 0."""
        # In training mode, dropout or hidden categories may make a gradient 0 by chance.
        for training in (True, False):
            self.module.train(training)(*self.inputs).square().sum().backward()
            for name, parameter in self.module.named_parameters():
                grad = parameter.grad
                learns = grad is not None and grad.isfinite().all() and (training or grad.any())
                require(learns, f"the gradient of {name} is missing, not finite or 0")

    def test_repetition(self) -> None:
        """A seed determines the weights, an input the output; a forward pass changes no state."""
        before = copy.deepcopy(self.module.state_dict())
        require(torch.equal(self.answer(), self.answer()), "the output differs from call to call")
        for module, state in (self.module, before), (self.build(), self.build().state_dict()):
            for name, tensor in module.state_dict().items():
                require(torch.equal(tensor, state[name]), f"{name} differs")

    def test_saving(self) -> None:
        """When saved and loaded again, it gives the same output."""
        loaded = self.reload()
        expected = self.answer()
        fresh = self.answer(module=self.build())
        require(not torch.equal(fresh, expected), "the output does not depend on the parameters")
        require(torch.equal(self.answer(module=loaded), expected), "the output differs")

    def test_double(self) -> None:
        """In double precision it gives doubles of the same values."""
        single = self.answer()
        self.module.double()
        out = self.answer(*(x.double() if x.is_floating_point() else x for x in self.inputs))
        require(out.dtype == torch.float64, f"the output is {out.dtype}")
        self.close(single.double(), out)
