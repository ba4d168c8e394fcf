"""The fused read against the equation, in float64 and differentiated by autograd."""

from itertools import accumulate

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from pcea.attention import reading
from pcea.attention.reading import read_memory


def equation(x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, eps: float) -> Tensor:
    """A = Norm(x keysᵀ), out = A values: cloud by cloud, head by head, the real points alone."""
    rows = []
    for cloud in range(len(x)):
        real = slice(None) if mask is None else mask[cloud].nonzero()[:, 0]
        read = x.new_zeros(x.shape[1], 0)
        for head in keys:
            exponents = x[cloud, real] @ head.T
            share = exponents - exponents.logsumexp(0)
            weights = share.exp() / (share.exp().sum(1, keepdim=True) + eps)
            out = x.new_zeros(x.shape[1], values.shape[1])
            out[real] = weights @ values
            read = torch.cat([read, out], 1)
        rows.append(read)
    return torch.stack(rows)


def randn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def given(batch: int, points: int, heads: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Features of 6 channels, keys and values of 5 slots, what is read of 4 channels a head."""
    inputs = (2 * randn(batch, points, 6), randn(heads, 5, 6, seed=1), randn(5, 4, seed=2))
    x, keys, values = (each.requires_grad_() for each in inputs)
    return x, keys, values


def padding(batch: int, points: int) -> Tensor:
    """Padding at the end, in between, at the start, and nothing else in the fourth cloud."""
    mask = torch.ones(batch, points, dtype=torch.bool)
    for cloud, padded in enumerate(
        (slice(points - 2, None), slice(2, 5), slice(0, 4), slice(None))[:batch]
    ):
        mask[cloud, padded] = False
    return mask


def single(*tensors: Tensor) -> list[Tensor]:
    return [tensor.detach().float().requires_grad_() for tensor in tensors]


@pytest.mark.parametrize("rows", [1, 3, 11, 25, 1000])
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("eps", [1e-9, 1e-2])
def test_equation(rows: int, heads: int, padded: bool, eps: float) -> None:
    """Blocks of a point, of parts of a cloud, of one, of two of four clouds, and of all."""
    inputs = given(4, 11, heads)
    mask = padding(4, 11) if padded else None
    weight = randn(4, 11, heads * 4, seed=3)

    expected = equation(*inputs, mask, eps)
    expected_grads = torch.autograd.grad((expected * weight).sum(), inputs)
    out = read_memory(*inputs, mask, eps, rows)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-14)
    for grad, right in zip(
        torch.autograd.grad((out * weight).sum(), inputs), expected_grads, strict=True
    ):
        torch.testing.assert_close(grad, right, rtol=1e-10, atol=1e-12)

    inputs_32 = single(*inputs)
    out = read_memory(*inputs_32, mask, eps, rows)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    grads = torch.autograd.grad((out * weight.float()).sum(), inputs_32)
    for grad, right in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad.double(), right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [2, 100])
@pytest.mark.parametrize("padded", [False, True])
def test_gradients(rows: int, padded: bool) -> None:
    mask = padding(2, 5) if padded else None
    assert torch.autograd.gradcheck(
        lambda *inputs: read_memory(*inputs, mask, 1e-2, rows), given(2, 5, 2)
    )


def test_default_block_holds_many_clouds_or_part_of_one() -> None:
    inputs = single(*given(3, 700))
    several = read_memory(*inputs, rows=100)
    torch.testing.assert_close(read_memory(*inputs), several, rtol=1e-5, atol=1e-6)
    many = single(randn(1, reading._CPU_SCORES // 5 + 100, 6), *inputs[1:])
    torch.testing.assert_close(
        read_memory(*many), read_memory(*many, rows=1 << 20), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("order", ["up", "down", "as it comes"])
def test_large_scores(order: str) -> None:
    """Scores of ±1000, whose exponentials no float holds, with the largest in any block."""
    x, keys, values = given(1, 12)
    if order != "as it comes":
        first = (x @ keys[0, 0]).flatten().argsort(descending=order == "down")
        x = x[:, first].detach().requires_grad_()
    inputs = (x, keys, values)
    large = (300 * x.detach()).requires_grad_()
    expected = equation(large, keys, values, None, 1e-9)
    assert (large @ keys[0].T).abs().max() > 1000
    out = read_memory(*single(large, keys, values), rows=4)
    assert out.isfinite().all()
    torch.testing.assert_close(out.double(), expected, rtol=2e-3, atol=1e-4)
    grads = torch.autograd.grad(read_memory(*inputs, rows=4).sum(), inputs)
    assert all(grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize("rows", [3, 100])
def test_padding(rows: int) -> None:
    x, keys, values = single(*given(4, 11))
    mask = padding(4, 11)
    filled = x.masked_fill(~mask.unsqueeze(-1), 1e30)
    out = read_memory(filled, keys, values, mask, rows=rows)
    assert (out[~mask] == 0).all()
    torch.testing.assert_close(out, read_memory(x, keys, values, mask, rows=rows), rtol=0, atol=0)
    filled = filled.detach().requires_grad_()
    (grad,) = torch.autograd.grad(
        read_memory(filled, keys, values, mask, rows=rows).square().sum(), filled
    )
    assert (grad[~mask] == 0).all()
    assert grad.isfinite().all()


@pytest.mark.parametrize("shape", [(2, 1), (2, 0), (0, 3), (0, 0)])
def test_few_points(shape: tuple[int, int]) -> None:
    x, keys, values = given(*shape)
    out = read_memory(x, keys, values)
    assert out.shape == (*shape, 4)
    torch.testing.assert_close(
        out, (values.mean(0) / (1 + 1e-9 / 5)).expand(*shape, 4), rtol=1e-12, atol=0
    )
    grads = torch.autograd.grad(out.sum(), (x, keys, values))
    assert all(grad.isfinite().all() for grad in grads)
    torch.testing.assert_close(grads[0], torch.zeros_like(x), rtol=0, atol=1e-14)


def test_a_memory_of_its_own_keys() -> None:
    x, keys, _ = given(2, 9)
    out = read_memory(x, keys, keys[0], rows=4)
    expected = equation(x, keys, keys[0], None, 1e-9)
    torch.testing.assert_close(out, expected)
    weight = randn(2, 9, 6, seed=3)
    (grad,) = torch.autograd.grad((out * weight).sum(), keys)
    (expected_grad,) = torch.autograd.grad((expected * weight).sum(), keys)
    torch.testing.assert_close(grad, expected_grad)


def test_any_strides() -> None:
    x, keys, values = given(3, 10, 2)
    turned = x.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    flipped = keys.detach().mT.contiguous().mT.requires_grad_()
    weight = randn(8, 10, 3, seed=3).permute(2, 1, 0)
    for rows in (4, 100):
        out = read_memory(turned, flipped, values, rows=rows)
        expected = read_memory(x, keys, values, rows=rows)
        torch.testing.assert_close(out, expected)
        grads = torch.autograd.grad((out * weight).sum(), (turned, flipped, values))
        right = torch.autograd.grad((expected * weight).sum(), (x, keys, values))
        torch.testing.assert_close(grads, right)


def test_nan_is_not_hidden() -> None:
    x, keys, values = given(2, 9)
    with torch.no_grad():
        x[0, 7, 3] = torch.nan
    out = read_memory(x, keys, values, rows=4)
    assert out[0].isnan().all()
    assert out[1].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype: torch.dtype) -> None:
    """The products are of the narrow type; the normalization between them is not."""
    x, keys, values = given(2, 600)
    inputs = single(x, keys, values)
    with torch.autocast("cpu", dtype=dtype):
        out = read_memory(*inputs, rows=3)
        scores = inputs[0] @ inputs[1][0].T
    assert out.dtype == scores.dtype == dtype
    share = scores.double().softmax(1)
    weights = share / (share.sum(-1, keepdim=True) + 1e-9)
    step = torch.finfo(dtype).eps
    expected = weights @ inputs[2].to(dtype).double()
    torch.testing.assert_close(
        out.double(), expected, rtol=0, atol=2 * step * float(values.detach().abs().max())
    )

    grads = torch.autograd.grad(out.float().square().sum(), inputs)
    exact = torch.autograd.grad(
        equation(x, keys, values, None, 1e-9).square().sum(), (x, keys, values)
    )
    for grad, right in zip(grads, exact, strict=True):
        assert grad.dtype == torch.float32
        assert (grad - right).norm() < 4 * step * right.norm()
    with torch.autocast("cpu", dtype=dtype):
        assert read_memory(x, keys, values).dtype == torch.float64


def test_compiles_whole() -> None:
    torch.compiler.reset()
    compiled = torch.compile(
        lambda x, keys, values, mask: read_memory(2 * x, keys, values, mask, rows=4) + 1,
        fullgraph=True,
        backend="aot_eager",
    )
    inputs = single(*given(4, 9))
    for mask in (None, padding(4, 9)):
        out = compiled(*inputs, mask)
        expected = read_memory(2 * inputs[0], *inputs[1:], mask, rows=4) + 1
        torch.testing.assert_close(out, expected)
        torch.testing.assert_close(
            torch.autograd.grad(out.square().sum(), inputs),
            torch.autograd.grad(expected.square().sum(), inputs),
        )
    with torch.autocast("cpu", torch.bfloat16):
        assert compiled(*inputs, None).dtype == torch.bfloat16


def test_operators_keep_their_promises() -> None:
    x, keys, values = given(2, 7, 2)
    args = (x, keys, values, padding(2, 7), 1e-9, 3)
    torch.library.opcheck(torch.ops.pcea.read_memory.default, args)
    weights, sums = reading._read(*args)[1:]
    backward = (randn(2, 7, 8), x, keys, values, weights, sums, 3)
    plain = tuple(each.detach() if isinstance(each, Tensor) else each for each in backward)
    torch.library.opcheck(torch.ops.pcea.read_memory_backward.default, plain)


def test_tensors_without_values() -> None:
    x, keys, values = (each.detach().to("meta").requires_grad_() for each in given(3, 11, 2))
    out = read_memory(x, keys, values, padding(3, 11).to("meta"))
    assert out.shape == (3, 11, 8)
    for grad, each in zip(
        torch.autograd.grad(out.sum(), (x, keys, values)), (x, keys, values), strict=True
    ):
        assert grad.shape == each.shape and grad.dtype == each.dtype


def test_second_derivatives_are_refused() -> None:
    x, keys, values = given(1, 4)
    (grad,) = torch.autograd.grad(read_memory(x, keys, values).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="read_memory_backward"):
        grad.sum().backward()


def test_backward_under_autocast() -> None:
    """Autocast says how what it encloses goes forward; a backward goes as its forward went."""
    inputs = single(*given(2, 9))
    expected = torch.autograd.grad(read_memory(*inputs, rows=4).square().sum(), inputs)
    out = read_memory(*inputs, rows=4).square().sum()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        grads = torch.autograd.grad(out, inputs)
    torch.testing.assert_close(grads, expected, rtol=0, atol=0)


def test_one_map_is_kept() -> None:
    """By what is saved for the backward, and by the most that is ever allocated."""
    x, keys, values = single(randn(1, 20000, 6), randn(1, 50, 6), randn(50, 4))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, id):
        read_memory(x, keys, values, rows=1000)
    # x, keys, values, the map and a sum for each row
    assert sorted(kept) == sorted([x.numel(), keys.numel(), values.numel(), 20000 * 50, 20000])

    cpu = [ProfilerActivity.CPU]
    with profile(activities=cpu, profile_memory=True, acc_events=True) as profiled:
        torch.autograd.grad(read_memory(x, keys, values, rows=1000).sum(), (x, keys, values))
    assert profiled.profiler is not None
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = accumulate(e.nbytes() for e in sorted(events, key=lambda e: e.start_ns()))
    assert 1 < max(held) / (4 * 20000 * 50) < 1.5
