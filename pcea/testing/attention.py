"""Check what must be true of every attention."""

from functools import partial
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from pcea.attention import Attention, create_attention
from pcea.testing.module import ModuleTrial
from pcea.testing.trial import require, run_trials

DIM = 16


def check_attention(name: str, **options: Any) -> None:
    """Check an attention by all methods ``test_…`` of :class:`AttentionTrial`.

    ``name`` is one of :func:`pcea.list_attentions`, ``options`` are its own. A check that fails
    raises an AssertionError that says what is wrong.
    """
    run_trials(AttentionTrial, f"attention {name!r}", name, **options)


class AttentionTrial(ModuleTrial[Attention]):
    """An attention, and three clouds of 12 points to test it with."""

    def __init__(self, name: str, /, **options: Any) -> None:
        super().__init__(partial(create_attention, name, DIM, **options), noise=0.1)
        x, pos = (torch.randn(3, 12, size, generator=self.generator) for size in (DIM, 3))
        # Clouds of 12, 7 and 9 points; the padding of the last one is between its points.
        mask = torch.ones(3, 12, dtype=torch.bool)
        mask[1, 7:] = mask[2, 2:5] = False
        self.inputs = x, pos, mask
        self.attention, self.among_points = self.module, self.module.map_kind == "points"

    def reload(self) -> Attention:
        """Load the weights of the attention from a safetensors file into a new one."""
        loaded = self.build()
        saved = safetensors.torch.save(self.attention.state_dict())
        loaded.load_state_dict(safetensors.torch.load(saved))
        return loaded

    def test_shapes(self) -> None:
        """The output is of the input's shape and type; the map is (B, H, N, S) or (B, H, N, N)."""
        x, pos, _ = self.inputs
        out, weights = self.attention.attend(x, pos)
        kind, size = self.attention.map_kind, tuple(weights.shape)
        require(out.shape == x.shape, f"the output is {tuple(out.shape)}, not {tuple(x.shape)}")
        require(out.dtype == x.dtype, f"the output is {out.dtype}, not {x.dtype}")
        require(len(size) == 4 and (size[0], size[2]) == (3, 12), f"the map has shape {size}")
        require(kind in ("slots", "points"), f"map_kind is {kind!r}")
        fewer = self.attention.attend(x[:, :10], pos[:, :10])[1].shape[3]
        columns = 12 if self.among_points else fewer
        require(size[3] == columns, f"the map has {size[3]} columns where {columns} are expected")

    def test_forward(self) -> None:
        """``forward`` returns the output of ``attend``; the map is finite and not negative."""
        x, pos, mask = self.inputs
        for given in (None, mask):
            out, weights = self.attention.attend(x, pos, given)
            self.close(self.attention(x, pos, given), out)
            require(weights.isfinite().all(), "the map is not finite")
            require((weights >= 0).all(), "the map has a negative value")
        # A mask that is true everywhere changes nothing.
        self.close(self.attention(x, pos, torch.ones_like(mask)), self.attention(x, pos))

    def test_permutation(self) -> None:
        """Permuting the points permutes the output and the map."""
        order = torch.randperm(12, generator=self.generator)
        out, weights = self.attention.attend(*self.inputs)
        moved, moved_weights = self.attention.attend(*(each[:, order] for each in self.inputs))
        self.close(moved, out[:, order])
        expected = weights[:, :, order]
        self.close(moved_weights, expected[..., order] if self.among_points else expected)

    def test_padding(self) -> None:
        """Padding, whatever its values are, changes no real point; its output and map are 0."""
        x, pos, mask = self.inputs
        padded = ~mask.unsqueeze(-1)
        given = x.masked_fill(padded, 1e3), pos.masked_fill(padded, -1e3), mask
        out, weights = self.attention.attend(*given)
        fast = self.attention(*given)
        for cloud, real in enumerate(mask):
            alone, alone_weights = self.attention.attend(
                x[cloud, real][None], pos[cloud, real][None]
            )
            self.close(out[cloud, real], alone[0])
            self.close(fast[cloud, real], alone[0])
            of_real = weights[cloud][:, real]
            if self.among_points:
                _require_zero(of_real[..., ~real], "the attention of a real point to padding")
                of_real = of_real[..., real]
            self.close(of_real, alone_weights[0])
        _require_zero(weights.transpose(1, 2)[~mask], "the map at padding")
        _require_zero(out[~mask], "the output of attend at padding")
        _require_zero(fast[~mask], "the output at padding")

    def test_gradient_at_padding(self) -> None:
        """No gradient reaches padding; a cloud that is all padding gives 0, and nothing is NaN."""
        x, pos, mask = self.inputs
        mask[1] = False
        weight = torch.randn(x.requires_grad_().shape, generator=self.generator)
        attended, weights = self.attention.attend(x, pos, mask)
        _require_zero(weights[1], "the map of a cloud that is all padding")
        for out in (attended, self.attention(x, pos, mask)):
            require(out.isfinite().all(), "the output is not finite")
            _require_zero(out[1], "the output of a cloud that is all padding")
            (grad,) = torch.autograd.grad((out * weight).sum(), x)
            require(grad.isfinite().all(), "a gradient is not finite")
            _require_zero(grad[~mask], "the gradient at padding")
            require(grad[mask].any(-1).all(), "the gradient at a real point is 0")

    def test_complement(self) -> None:
        """With ``complement=True``, the output comes first; the complement obeys the mask, too."""
        if not self.attention.complementary:
            return
        x, pos, mask = self.inputs
        x.requires_grad_()
        out = self.attention(x, pos, mask, complement=True)
        require(len(out) == 6, f"output and complement are {tuple(out.shape)}, not (6, 12, {DIM})")
        first, second = out.chunk(2)
        self.close(first, self.attention(x, pos, mask))
        _require_zero(second[~mask], "the complement at padding")
        weight = torch.randn(x.shape, generator=self.generator)
        (grad,) = torch.autograd.grad((second * weight).sum(), x)
        _require_zero(grad[~mask], "the gradient at padding")
        order = torch.randperm(12, generator=self.generator)
        moved = self.attention(*(each[:, order] for each in (x, pos, mask)), complement=True)
        self.close(moved.chunk(2)[1], second[:, order])
        for cloud, real in enumerate(mask):
            alone = self.attention(x[cloud, real][None], pos[cloud, real][None], complement=True)
            self.close(second[cloud, real], alone[1])

    def test_gradients(self) -> None:
        """The gradients agree with finite differences in double precision."""
        attention = self.attention.double()
        x, pos, mask = (each[1:, :9] for each in self.inputs)
        x = x.double().requires_grad_()

        def forward(*_: Tensor) -> Tensor:  # gradcheck changes x and the parameters in place
            out: Tensor = attention(x, pos.double(), mask)
            return out

        torch.autograd.gradcheck(forward, (x, *attention.parameters()), fast_mode=True)

    def test_types(self) -> None:
        """The map is float32 under autocast and with bfloat16 weights, and double with doubles."""
        attention, (x, pos, mask) = self.attention, self.inputs
        expected = attention.attend(x, pos, mask)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = attention(x, pos, mask), attention.attend(x, pos, mask)[1]
        for what, one, other in zip(("output", "map"), found, expected, strict=True):
            error = ((one - other).abs().max() / other.abs().max()).item()
            require(error < 0.03, f"the {what} differs by {error:.3f} of its largest value")
        wide = attention.double().attend(x.double(), pos.double(), mask)[1]
        require(wide.dtype == torch.float64, f"the map in double precision is {wide.dtype}")
        out, weights = attention.bfloat16().attend(x.bfloat16(), pos, mask)
        require(out.dtype == torch.bfloat16, f"the output is {out.dtype}")
        require(out.isfinite().all(), "the output is not finite")
        for each in (found[1], weights):
            require(each.dtype == torch.float32, f"the map is {each.dtype}")

    def test_compiling(self) -> None:
        """It compiles to one graph, with the same output and gradients."""
        torch.compiler.reset()
        compiled = torch.compile(self.attention, fullgraph=True, backend="aot_eager")
        x, pos, mask = self.inputs
        x.requires_grad_()
        for given in (None, mask):
            out, expected = compiled(x, pos, given), self.attention(x, pos, given)
            self.close(out, expected)
            (grad,) = torch.autograd.grad(out.square().sum(), x)
            (expected_grad,) = torch.autograd.grad(expected.square().sum(), x)
            torch.testing.assert_close(grad, expected_grad, rtol=1e-4, atol=1e-6)


def _require_zero(values: Tensor, what: str) -> None:
    require(not values.any(), f"{what} is not 0")


ATTENTION_CHECKS = AttentionTrial.promises()
