"""What every attention must hold: one function for each promise, and all of them in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from torch.func import functional_call

from pcea.attention import Attention, create_attention
from pcea.testing.require import require, run_check

DIM = 16


class Trial:
    """An attention freshly built with seed 0, and three clouds of 12 points to try it on."""

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.options = options
        torch.manual_seed(0)
        self.attention = self.build()
        self.generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(3, 12, DIM, generator=self.generator)
        self.pos = torch.randn(3, 12, 3, generator=self.generator)
        # Clouds of 12, 7 and 9 points; the padding of the last lies in between.
        self.mask = torch.ones(3, 12, dtype=torch.bool)
        self.mask[1, 7:] = False
        self.mask[2, 2:5] = False

    def build(self) -> Attention:
        """Build the attention anew."""
        return create_attention(self.name, DIM, **self.options)


def check_attention(name: str, **options: Any) -> None:
    """Check everything that an attention must hold.

    Args:
        name: a name of :func:`pcea.list_attentions`.
        options: the mechanism's own.

    Raises:
        AssertionError: something does not hold; the message says what.
        InputError: there is no such attention or option.
    """
    for check in ATTENTION_CHECKS:
        run_check(check, Trial(name, **options), f"attention {name!r}")


def shapes(trial: Trial) -> None:
    """The output has the input's shape and type, the map is (B, H, N, S) or (B, H, N, N)."""
    attention, x, pos = trial.attention, trial.x, trial.pos
    out, weights = attention.attend(x, pos)
    kind, size = attention.map_kind, tuple(weights.shape)
    require(out.shape == x.shape, f"the output is {tuple(out.shape)} of {tuple(x.shape)}")
    require(out.dtype == x.dtype, f"the output is {out.dtype} of {x.dtype}")
    require(len(size) == 4 and (size[0], size[2]) == (3, 12), f"the map is {size} of {x.shape}")
    require(kind in ("slots", "points"), f"map_kind is {kind!r}")
    columns = 12 if kind == "points" else attention.attend(x[:, :10], pos[:, :10])[1].shape[3]
    require(size[3] == columns, f"the map has {size[3]} columns where {columns} are expected")


def forward_is_attend(trial: Trial) -> None:
    """``forward`` gives what ``attend`` gives, and the map is finite and nowhere negative."""
    for mask in (None, trial.mask):
        out, weights = trial.attention.attend(trial.x, trial.pos, mask)
        close(trial.attention(trial.x, trial.pos, mask), out)
        require(weights.isfinite().all(), "the map is not finite")
        require((weights >= 0).all(), "the map has a value below 0")


def all_real_is_no_mask(trial: Trial) -> None:
    """A mask that is true everywhere changes nothing."""
    everyone = torch.ones(trial.x.shape[:2], dtype=torch.bool)
    close(trial.attention(trial.x, trial.pos, everyone), trial.attention(trial.x, trial.pos))


def permutation(trial: Trial) -> None:
    """Permuting the points permutes the output and the map."""
    attention, x, pos, mask = trial.attention, trial.x, trial.pos, trial.mask
    order = torch.randperm(x.shape[1], generator=trial.generator)
    out, weights = attention.attend(x, pos, mask)
    moved, moved_weights = attention.attend(x[:, order], pos[:, order], mask[:, order])
    close(moved, out[:, order])
    expected = weights[:, :, order]
    if attention.map_kind == "points":
        expected = expected[..., order]
    close(moved_weights, expected)


def padding_changes_nothing(trial: Trial) -> None:
    """Padding, whatever stands in it, changes no real point, and its own output and map are 0."""
    attention, mask = trial.attention, trial.mask
    padded = ~mask.unsqueeze(-1)
    x, pos = trial.x.masked_fill(padded, 1e3), trial.pos.masked_fill(padded, -1e3)
    out, weights = attention.attend(x, pos, mask)
    fast = attention(x, pos, mask)
    for cloud, real in enumerate(mask):
        here = slice(cloud, cloud + 1)
        alone, alone_weights = attention.attend(trial.x[here, real], trial.pos[here, real])
        close(out[cloud, real], alone[0])
        close(fast[cloud, real], alone[0])
        of_real = weights[cloud][:, real]
        if attention.map_kind == "points":
            _zero(of_real[..., ~real], "what a real point takes from padding")
            of_real = of_real[..., real]
        close(of_real, alone_weights[0])
        _zero(weights[cloud][:, ~real], "the map at padding")
        _zero(out[cloud, ~real], "the output of attend at padding")
        _zero(fast[cloud, ~real], "the output at padding")


def no_gradient_reaches_padding(trial: Trial) -> None:
    """The gradient at padding is 0, and not at real points."""
    x, mask = trial.x.requires_grad_(), trial.mask
    weight = torch.randn(x.shape, generator=trial.generator)
    (trial.attention(x, trial.pos, mask) * weight).sum().backward()
    if x.grad is None:
        raise AssertionError("the input has no gradient")
    _zero(x.grad[~mask], "the gradient at padding")
    require((x.grad[mask].abs().sum(-1) > 0).all(), "the gradient at a real point is 0")


def cloud_of_padding_alone(trial: Trial) -> None:
    """A cloud of padding alone gives zeros and finite gradients."""
    attention, x, pos, mask = trial.attention, trial.x.requires_grad_(), trial.pos, trial.mask
    mask[1] = False
    for out in (attention(x, pos, mask), attention.attend(x, pos, mask)[0]):
        require(out.isfinite().all(), "the output is not finite")
        _zero(out[1], "its output")
        (grad,) = torch.autograd.grad(out.square().sum(), x)
        require(grad.isfinite().all(), "a gradient is not finite")
        _zero(grad[1], "its gradient")
    _zero(attention.attend(x, pos, mask)[1][1], "its map")


def every_parameter_learns(trial: Trial) -> None:
    """Every parameter gets a finite gradient that is not 0."""
    trial.attention(trial.x, trial.pos).square().sum().backward()
    for name, parameter in trial.attention.named_parameters():
        grad = parameter.grad
        learns = grad is not None and grad.isfinite().all() and grad.abs().sum() > 0
        require(learns, f"the gradient of {name} is missing, not finite or 0")


def gradients(trial: Trial) -> None:
    """The gradients are those of finite differences, in double precision."""
    attention = trial.attention.double()
    names = [name for name, _ in attention.named_parameters()]
    pos, mask = trial.pos[1:, :9].double(), trial.mask[1:, :9]

    def forward(x: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        out: Tensor = functional_call(attention, given, (x, pos, mask))
        return out

    inputs = [trial.x[1:, :9].double(), *(each.detach() for each in attention.parameters())]
    for each in inputs:
        each.requires_grad_()
    try:
        torch.autograd.gradcheck(forward, inputs, fast_mode=True)
    except RuntimeError as error:
        raise AssertionError(str(error)) from error


def double(trial: Trial) -> None:
    """In double precision it gives doubles, and the same figures."""
    single = trial.attention(trial.x, trial.pos, trial.mask)
    attention = trial.attention.double()
    out, weights = attention.attend(trial.x.double(), trial.pos.double(), trial.mask)
    require(out.dtype == weights.dtype == torch.float64, f"it gives {out.dtype}, {weights.dtype}")
    torch.testing.assert_close(single.double(), out, rtol=1e-4, atol=1e-5)


def save_and_load(trial: Trial) -> None:
    """Weights that are saved with safetensors and loaded again give the same output."""
    with torch.no_grad():
        for parameter in trial.attention.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=trial.generator), alpha=0.1)
    saved = safetensors.torch.save(trial.attention.state_dict())
    other = trial.build()
    expected = trial.attention(trial.x, trial.pos)
    changed = not torch.equal(other(trial.x, trial.pos), expected)
    require(changed, "the output does not depend on the parameters")
    other.load_state_dict(safetensors.torch.load(saved))
    require(torch.equal(other(trial.x, trial.pos), expected), "the output differs after loading")


def compiles_whole(trial: Trial) -> None:
    """It compiles as one graph, which gives the same output and gradients."""
    torch.compiler.reset()
    compiled = torch.compile(trial.attention, fullgraph=True, backend="aot_eager")
    x, pos = trial.x.requires_grad_(), trial.pos
    for mask in (None, trial.mask):
        out, expected = compiled(x, pos, mask), trial.attention(x, pos, mask)
        close(out, expected)
        (grad,) = torch.autograd.grad(out.square().sum(), x)
        (expected_grad,) = torch.autograd.grad(expected.square().sum(), x)
        torch.testing.assert_close(grad, expected_grad, rtol=1e-4, atol=1e-6)


def bfloat16_autocast(trial: Trial) -> None:
    """Under autocast to bfloat16 the map stays float32, and both stay near."""
    attention, given = trial.attention, (trial.x, trial.pos, trial.mask)
    expected, expected_weights = attention.attend(*given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out, weights = attention(*given), attention.attend(*given)[1]
    require(weights.dtype == torch.float32, f"the map is {weights.dtype}")
    for what, one, other in (("output", out, expected), ("map", weights, expected_weights)):
        error = ((one - other).abs().max() / other.abs().max()).item()
        require(error < 0.03, f"the {what} differs by {error:.3f} of its largest value")


def bfloat16_parameters(trial: Trial) -> None:
    """With parameters in bfloat16 the output is of that type, and the map float32."""
    out, weights = trial.attention.bfloat16().attend(trial.x.bfloat16(), trial.pos, trial.mask)
    require(out.dtype == torch.bfloat16, f"the output is {out.dtype}")
    require(weights.dtype == torch.float32, f"the map is {weights.dtype}")
    require(out.isfinite().all(), "the output is not finite")


def deterministic(trial: Trial) -> None:
    """The same input gives the same output."""
    given = (trial.x, trial.pos, trial.mask)
    alike = torch.equal(trial.attention(*given), trial.attention(*given))
    require(alike, "two calls give different outputs")


def same_seed_same_start(trial: Trial) -> None:
    """The same seed gives the same parameters."""
    torch.manual_seed(0)
    again = dict(trial.build().named_parameters())
    for name, parameter in trial.attention.named_parameters():
        require(torch.equal(parameter, again[name]), f"{name} starts otherwise")


def _zero(values: Tensor, what: str) -> None:
    require((values == 0).all(), f"{what} is not 0")


def close(found: Tensor, expected: Tensor) -> None:
    """Compare as closely as float32 allows."""
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


ATTENTION_CHECKS: tuple[Callable[[Trial], None], ...] = (
    shapes,
    forward_is_attend,
    all_real_is_no_mask,
    permutation,
    padding_changes_nothing,
    no_gradient_reaches_padding,
    cloud_of_padding_alone,
    every_parameter_learns,
    gradients,
    double,
    save_and_load,
    compiles_whole,
    bfloat16_autocast,
    bfloat16_parameters,
    deterministic,
    same_seed_same_start,
)
"""Every check, in the order in which they build on each other."""
