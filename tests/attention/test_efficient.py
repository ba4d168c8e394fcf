"""Efficient attention against its equation, in float64 and edge by edge."""

import math

import pytest
import torch

from pcea.attention import create_attention, efficient
from pcea.attention.efficient import EfficientAttention
from pcea.errors import InputError


@pytest.mark.parametrize("real", [5, 3])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_equation(heads: int, real: int) -> None:
    torch.manual_seed(0)
    dim, points = 8, range(real)
    width = dim // heads
    attention = EfficientAttention(dim, heads).double()
    x = 2 * torch.randn(1, 5, dim, dtype=torch.float64)
    out, weights = attention.attend(x, mask=torch.arange(5)[None] < real)

    cloud = x[0, :real]
    scores = (cloud @ attention.query.weight.T + attention.query.bias).tolist()
    keys = (cloud @ attention.key.weight.T).tolist()
    value = (cloud @ attention.value.weight.T).tolist()
    read = torch.zeros(real, dim, dtype=torch.float64)
    for head in range(heads):
        channels = range(head * width, (head + 1) * width)
        q = [
            [math.exp(s[c]) / sum(math.exp(s[d]) for d in channels) for c in channels]
            for s in scores
        ]
        k = [[math.exp(s[c]) / sum(math.exp(t[c]) for t in keys) for c in channels] for s in keys]
        for n in points:
            row = [sum(a * b for a, b in zip(q[n], k[m], strict=True)) for m in points]
            assert sum(row) == pytest.approx(1, abs=1e-12)
            for c in channels:
                read[n, c] = sum(row[m] * value[m][c] for m in points)
        torch.testing.assert_close(
            weights[0, head, :real], torch.tensor(k, dtype=torch.float64), rtol=0, atol=1e-12
        )
    expected = read @ attention.project.weight.T + attention.project.bias
    torch.testing.assert_close(out[0, :real], expected, rtol=0, atol=1e-12)


def test_each_column_sums_to_one_over_the_points() -> None:
    mask = torch.arange(30) < torch.tensor([[30], [11]])
    weights = EfficientAttention(16).attend(torch.randn(2, 30, 16), mask=mask)[1]
    assert weights.shape == (2, 4, 30, 4)
    torch.testing.assert_close(weights.sum(2), torch.ones(2, 4, 4))
    assert not weights[1, :, 11:].any()


def test_heads_must_divide() -> None:
    with pytest.raises(InputError, match="5 heads do not divide 16 channels"):
        create_attention("efficient", 16, heads=5)


@pytest.mark.parametrize("masked", [False, True])
def test_blocks_are_those_of_one_cloud(monkeypatch: pytest.MonkeyPatch, masked: bool) -> None:
    """In blocks, the output and all gradients are those of the map, also without real points."""
    torch.manual_seed(0)
    attention = EfficientAttention(8, heads=2).double()
    # Large scores, whose exponentials would overflow if they were not relative to the largest.
    x = (300 * torch.randn(3, 11, 8, dtype=torch.float64)).requires_grad_()
    mask = torch.arange(11) < torch.tensor([[11], [3], [0]]) if masked else None
    monkeypatch.setattr(efficient, "_BLOCK", 4)
    found = []
    for out in (attention(x, mask=mask), attention.attend(x, mask=mask)[0]):
        wanted = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
        inputs = [x, *attention.parameters()]
        found.append([out, *torch.autograd.grad(out, inputs, wanted)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert masked is False or not found[0][0][2].any()
