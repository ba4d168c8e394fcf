"""Self-attention against its equation, in float64 and one number at a time."""

import math

import pytest
import torch
from torch import nn

from pcea.attention import create_attention
from pcea.attention.self_attention import SelfAttention
from pcea.errors import InputError


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_equation(heads: int) -> None:
    torch.manual_seed(0)
    dim, points = 4, 5
    width = dim // heads
    attention = SelfAttention(dim, heads).double()
    x = 2 * torch.randn(1, points, dim, dtype=torch.float64)
    out, weights = attention.attend(x)

    rows = [
        [sum(p[i] * w[i] for i in range(dim)) for w in attention.qkv.weight.tolist()]
        for p in x[0].tolist()
    ]  # per point: queries of all heads, keys of all heads, values of all heads
    read = [[0.0] * dim for _ in range(points)]
    for head in range(heads):
        q, k, v = (
            range(part * dim + head * width, part * dim + (head + 1) * width) for part in range(3)
        )
        for n in range(points):
            scores = [
                sum(rows[n][a] * rows[m][b] for a, b in zip(q, k, strict=True)) / math.sqrt(width)
                for m in range(points)
            ]
            total = sum(math.exp(score) for score in scores)
            softmax = [math.exp(score) / total for score in scores]
            wanted = torch.tensor(softmax, dtype=torch.float64)
            torch.testing.assert_close(weights[0, head, n], wanted, rtol=0, atol=1e-12)
            for c, channel in enumerate(v):
                read[n][head * width + c] = sum(
                    softmax[m] * rows[m][channel] for m in range(points)
                )
    wo, bias = attention.project.weight.tolist(), attention.project.bias.tolist()
    expected = torch.tensor(
        [
            [sum(r[i] * w[i] for i in range(dim)) + b for w, b in zip(wo, bias, strict=True)]
            for r in read
        ],
        dtype=torch.float64,
    )
    torch.testing.assert_close(out[0], expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(attention(x)[0], expected, rtol=0, atol=1e-12)


def test_agrees_with_torch() -> None:
    torch.manual_seed(0)
    attention, theirs = SelfAttention(16), nn.MultiheadAttention(16, 4, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": attention.qkv.weight,
            "in_proj_bias": torch.zeros(48),
            "out_proj.weight": attention.project.weight,
            "out_proj.bias": attention.project.bias,
        }
    )
    x, mask = torch.randn(2, 9, 16), torch.arange(9) < torch.tensor([[9], [6]])
    out, weights = attention.attend(x, mask=mask)
    expected, expected_weights = theirs(x, x, x, ~mask, average_attn_weights=False)
    torch.testing.assert_close(out[mask], expected[mask])
    torch.testing.assert_close(
        weights, expected_weights * mask[:, None, :, None], rtol=1e-5, atol=1e-6
    )


def test_rows_sum_to_one() -> None:
    mask = torch.arange(9) < torch.tensor([[9], [6]])
    weights = SelfAttention(16).attend(torch.randn(2, 9, 16), mask=mask)[1]
    torch.testing.assert_close(weights.sum(-1), mask[:, None].float().expand(2, 4, 9))


def test_heads_must_divide() -> None:
    with pytest.raises(InputError, match="5 heads do not divide 16 channels"):
        create_attention("self", 16, heads=5)
    with pytest.raises(InputError, match="dim is 0; it must be"):
        create_attention("self", 0)
