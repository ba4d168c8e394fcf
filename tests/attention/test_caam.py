"""Causal attention against its equation, in float64 and edge by edge."""

import math

import pytest
import torch
from torch import Tensor

from pcea.attention import create_attention
from pcea.attention.caam import CausalAttention


def rows_of_a_softmax(scores: list[list[float]]) -> list[list[float]]:
    return [[math.exp(s) / sum(map(math.exp, row)) for s in row] for row in scores]


@pytest.mark.parametrize("real", [6, 4])
@pytest.mark.parametrize("heads", [1, 2])
def test_equation(heads: int, real: int) -> None:
    torch.manual_seed(0)
    dim, width, points = 8, 8 // heads, range(real)
    attention = CausalAttention(dim, heads).double()
    x = 2 * torch.randn(1, 6, dim, dtype=torch.float64)
    mask = torch.arange(6)[None] < real
    causal, confounder = attention(x, mask=mask, complement=True)
    attended, weights = attention.attend(x, mask=mask)

    qkv = x[0, :real] @ attention.qkv.weight.detach().T
    q, k, v = qkv.view(real, 3, heads, width).unbind(1)
    found: dict[int, list[Tensor]] = {1: [], -1: []}
    for h in range(heads):
        scores = [[float(q[n, h] @ k[m, h]) / math.sqrt(width) for m in points] for n in points]
        for sign, outputs in found.items():
            rows = rows_of_a_softmax([[sign * s for s in row] for row in scores])
            outputs.append(
                torch.stack([sum(a * v[m, h] for m, a in enumerate(row)) for row in rows])
            )
            if sign == 1:
                wanted = torch.tensor(rows, dtype=torch.float64)
                torch.testing.assert_close(weights[0, h, :real, :real], wanted, rtol=0, atol=1e-12)
    for sign, several in ((1, (causal, attended[0])), (-1, (confounder,))):
        read = torch.cat(found[sign], 1)
        wanted = read @ attention.project.weight.T + attention.project.bias
        for each in several:
            torch.testing.assert_close(each[:real], wanted, rtol=0, atol=1e-12)
            assert not each[real:].any()


def test_gradients_of_both_outputs() -> None:
    torch.manual_seed(0)
    attention = create_attention("caam", 4, heads=2).double()
    x = torch.randn(2, 5, 4, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(5) < torch.tensor([[5], [3]])

    def forward(*_: Tensor) -> Tensor:  # gradcheck changes x and the parameters in place
        return attention(x, None, mask, complement=True)

    torch.autograd.gradcheck(forward, (x, *attention.parameters()), fast_mode=True)


def test_opposite_scores_are_even_attention_where_all_are_equal() -> None:
    """With equal scores both outputs are the mean of the values."""
    attention = create_attention("caam", 8)
    x = torch.randn(1, 1, 8).expand(1, 7, 8)
    causal, confounder = attention(x, complement=True)
    torch.testing.assert_close(causal, confounder)
