"""Linear attention against its equation, in float64 and edge by edge."""

import math

import pytest
import torch
from torch import Tensor, nn

from pcea.attention import create_attention
from pcea.attention.linear import LinearAttention
from pcea.errors import InputError


def of_unit_length(x: Tensor, layer: nn.Module) -> list[list[float]]:
    rows = layer(x).tolist()
    return [[value / math.sqrt(sum(v * v for v in row)) for value in row] for row in rows]


@pytest.mark.parametrize("real", [6, 4])
def test_equation(real: int) -> None:
    torch.manual_seed(0)
    dim, points, eps = 8, range(real), 1e-2
    attention = LinearAttention(dim, query_dim=3, eps=eps).double()
    x = 2 * torch.randn(1, 6, dim, dtype=torch.float64)
    mask = torch.arange(6)[None] < real
    out, weights = attention.attend(x, mask=mask)
    forward = attention(x, mask=mask)

    cloud = x[0, :real]
    q, k = (of_unit_length(cloud, layer) for layer in (attention.query, attention.key))
    value = attention.value(cloud).tolist()
    for n in points:
        edges = [1 + sum(a * b for a, b in zip(q[n], k[m], strict=True)) for m in points]
        total = sum(edges) + eps * sum(q[n])
        expected = [sum(edges[m] * value[m][c] for m in points) / total for c in range(dim)]
        wanted = torch.tensor([edge / total for edge in edges], dtype=torch.float64)
        torch.testing.assert_close(weights[0, 0, n, :real], wanted, rtol=0, atol=1e-12)
        for found in (out, forward):
            wanted = torch.tensor(expected, dtype=torch.float64)
            torch.testing.assert_close(found[0, n], wanted, rtol=0, atol=1e-12)


def test_rows_sum_to_one() -> None:
    mask = torch.arange(9) < torch.tensor([[9], [6]])
    weights = LinearAttention(16).attend(torch.randn(2, 9, 16), mask=mask)[1]
    torch.testing.assert_close(weights.sum(-1).squeeze(1), mask.float())


@pytest.mark.parametrize("points", [1, 50])
def test_weights_of_zero_stay_finite(points: int) -> None:
    """If every key is the opposite of every query, 1 + q·k is 0 on each edge."""
    attention = LinearAttention(16)
    with torch.no_grad():
        attention.key.weight.copy_(-attention.query.weight)
        attention.key.bias.copy_(-attention.query.bias)
    x = torch.randn(1, 1, 16).expand(1, points, 16)
    out, weights = attention.attend(x)
    assert (weights >= 0).all() and weights.isfinite().all()
    assert out.isfinite().all() and attention(x).isfinite().all()


@pytest.mark.parametrize("options", [{"dim": 0}, {"dim": 8, "query_dim": 0}])
def test_bad_sizes(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="must be a whole number of at least 1"):
        create_attention("linear", **options)


def test_narrow_input_still_has_a_query() -> None:
    assert create_attention("linear", 3)(torch.randn(1, 4, 3)).shape == (1, 4, 3)
