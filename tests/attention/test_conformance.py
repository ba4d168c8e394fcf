"""What every attention must do. A new one is tested here by being registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.func import functional_call

from pcea.attention import Attention, create_attention, list_attentions

DIM = 16
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in list_attentions()),
    ("external", {"tied": True, "slots": 5}),
    ("external", {"query": False}),
    ("multihead-external", {"heads": 8, "expand": 4, "slots": 7, "tied": True}),
    ("self", {"heads": 1}),
    ("offset", {"query_dim": 3}),
]


@pytest.fixture(params=CASES, ids=lambda case: " ".join([case[0], *map(str, case[1].items())]))
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return request.param


@pytest.fixture
def attention(case: tuple[str, dict[str, Any]]) -> Attention:
    torch.manual_seed(0)
    return create_attention(case[0], DIM, **case[1])


@pytest.fixture
def x(generator: torch.Generator) -> Tensor:
    return torch.randn(3, 12, DIM, generator=generator)


@pytest.fixture
def pos(generator: torch.Generator) -> Tensor:
    return torch.randn(3, 12, 3, generator=generator)


@pytest.fixture
def mask() -> Tensor:
    """Clouds of 12, 7 and 9 points; the padding of the last lies in between."""
    mask = torch.ones(3, 12, dtype=torch.bool)
    mask[1, 7:] = False
    mask[2, 2:5] = False
    return mask


def test_shapes(attention: Attention, x: Tensor, pos: Tensor) -> None:
    out, weights = attention.attend(x, pos)
    assert out.shape == x.shape
    assert out.dtype == x.dtype
    assert weights.dim() == 4
    assert (weights.shape[0], weights.shape[2]) == (3, 12)
    assert attention.map_kind in ("slots", "points")
    if attention.map_kind == "points":
        assert weights.shape[3] == 12
    else:
        other = attention.attend(x[:, :10], pos[:, :10])[1]
        assert other.shape[3] == weights.shape[3], "slots must not depend on the points"


@pytest.mark.parametrize("padded", [False, True])
def test_forward_is_attend(
    attention: Attention, x: Tensor, pos: Tensor, mask: Tensor, padded: bool
) -> None:
    given = mask if padded else None
    out, weights = attention.attend(x, pos, given)
    torch.testing.assert_close(attention(x, pos, given), out, rtol=1e-5, atol=1e-6)
    assert weights.isfinite().all()
    assert (weights >= 0).all()


def test_all_real_is_no_mask(attention: Attention, x: Tensor, pos: Tensor) -> None:
    everyone = torch.ones(x.shape[:2], dtype=torch.bool)
    torch.testing.assert_close(attention(x, pos, everyone), attention(x, pos))


def test_permutation(
    attention: Attention, x: Tensor, pos: Tensor, mask: Tensor, generator: torch.Generator
) -> None:
    order = torch.randperm(x.shape[1], generator=generator)
    out, weights = attention.attend(x, pos, mask)
    moved, moved_weights = attention.attend(x[:, order], pos[:, order], mask[:, order])
    torch.testing.assert_close(moved, out[:, order], rtol=1e-5, atol=1e-6)
    expected = weights[:, :, order]
    if attention.map_kind == "points":
        expected = expected[..., order]
    torch.testing.assert_close(moved_weights, expected, rtol=1e-5, atol=1e-6)


def test_padding_changes_nothing(
    attention: Attention, x: Tensor, pos: Tensor, mask: Tensor
) -> None:
    padded = ~mask.unsqueeze(-1)
    out, weights = attention.attend(x.masked_fill(padded, 1e3), pos.masked_fill(padded, -1e3), mask)
    fast = attention(x.masked_fill(padded, 1e3), pos.masked_fill(padded, -1e3), mask)
    for cloud, real in enumerate(mask):
        alone, alone_weights = attention.attend(
            x[cloud : cloud + 1, real], pos[cloud : cloud + 1, real]
        )
        torch.testing.assert_close(out[cloud, real], alone[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(fast[cloud, real], alone[0], rtol=1e-5, atol=1e-6)
        seen = weights[cloud][:, real]
        if attention.map_kind == "points":
            assert (seen[..., ~real] == 0).all()
            seen = seen[..., real]
        torch.testing.assert_close(seen, alone_weights[0], rtol=1e-5, atol=1e-6)
        assert (weights[cloud][:, ~real] == 0).all()
        assert (out[cloud, ~real] == 0).all()
        assert (fast[cloud, ~real] == 0).all()


def test_no_gradient_reaches_padding(
    attention: Attention, x: Tensor, pos: Tensor, mask: Tensor, generator: torch.Generator
) -> None:
    x.requires_grad_()
    weight = torch.randn(x.shape, generator=generator)
    (attention(x, pos, mask) * weight).sum().backward()
    assert x.grad is not None
    assert (x.grad[~mask] == 0).all()
    assert (x.grad[mask].abs().sum(-1) > 0).all()


def test_cloud_of_padding_alone(attention: Attention, x: Tensor, pos: Tensor, mask: Tensor) -> None:
    mask[1] = False
    x.requires_grad_()
    for out in (attention(x, pos, mask), attention.attend(x, pos, mask)[0]):
        assert out.isfinite().all()
        assert (out[1] == 0).all()
        (grad,) = torch.autograd.grad(out.square().sum(), x)
        assert grad.isfinite().all()
        assert (grad[1] == 0).all()
    assert (attention.attend(x, pos, mask)[1][1] == 0).all()


def test_every_parameter_learns(attention: Attention, x: Tensor, pos: Tensor) -> None:
    attention(x, pos).square().sum().backward()
    for name, parameter in attention.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_gradients(attention: Attention, x: Tensor, pos: Tensor, mask: Tensor) -> None:
    attention.double()
    names = [name for name, _ in attention.named_parameters()]

    def forward(x: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return functional_call(attention, given, (x, pos[1:, :9].double(), mask[1:, :9]))

    inputs = [x[1:, :9].double(), *(p.detach() for p in attention.parameters())]
    assert torch.autograd.gradcheck(forward, [i.requires_grad_() for i in inputs], fast_mode=True)


def test_double(attention: Attention, x: Tensor, pos: Tensor, mask: Tensor) -> None:
    single = attention(x, pos, mask)
    out, weights = attention.double().attend(x.double(), pos.double(), mask)
    assert out.dtype == weights.dtype == torch.float64
    torch.testing.assert_close(single.double(), out, rtol=1e-4, atol=1e-5)


def test_save_and_load(
    attention: Attention, case: tuple[str, dict[str, Any]], x: Tensor, pos: Tensor, tmp_path: Path
) -> None:
    safetensors.torch.save_file(attention.state_dict(), tmp_path / "attention.safetensors")
    other = create_attention(case[0], DIM, **case[1])
    assert not torch.equal(other(x, pos), attention(x, pos))
    other.load_state_dict(safetensors.torch.load_file(tmp_path / "attention.safetensors"))
    torch.testing.assert_close(other(x, pos), attention(x, pos), rtol=0, atol=0)


def test_compiles_whole(attention: Attention, x: Tensor, pos: Tensor, mask: Tensor) -> None:
    torch.compiler.reset()
    compiled = torch.compile(attention, fullgraph=True, backend="aot_eager")
    x.requires_grad_()
    for given in (None, mask):
        out, expected = compiled(x, pos, given), attention(x, pos, given)
        torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)
        (grad,) = torch.autograd.grad(out.square().sum(), x)
        (expected_grad,) = torch.autograd.grad(expected.square().sum(), x)
        torch.testing.assert_close(grad, expected_grad, rtol=1e-4, atol=1e-6)


def test_bfloat16_autocast(attention: Attention, x: Tensor, pos: Tensor, mask: Tensor) -> None:
    expected, expected_weights = attention.attend(x, pos, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = attention(x, pos, mask)
        weights = attention.attend(x, pos, mask)[1]
    assert weights.dtype == torch.float32
    assert (out - expected).abs().max() < 0.03 * expected.abs().max()
    assert (weights - expected_weights).abs().max() < 0.03 * expected_weights.max()


def test_bfloat16_parameters(attention: Attention, x: Tensor, pos: Tensor, mask: Tensor) -> None:
    out, weights = attention.bfloat16().attend(x.bfloat16(), pos, mask)
    assert out.dtype == torch.bfloat16
    assert weights.dtype == torch.float32
    assert out.isfinite().all()


def test_deterministic(attention: Attention, x: Tensor, pos: Tensor, mask: Tensor) -> None:
    assert torch.equal(attention(x, pos, mask), attention(x, pos, mask))


def test_same_seed_same_start(case: tuple[str, dict[str, Any]], attention: Attention) -> None:
    torch.manual_seed(0)
    again = create_attention(case[0], DIM, **case[1])
    for a, b in zip(attention.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
