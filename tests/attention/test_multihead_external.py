"""Multi-head external attention against its definition, in float64 and one number at a time."""

import math

import pytest
import torch

from pcea.attention import create_attention
from pcea.attention.multihead_external import MultiHeadExternalAttention
from pcea.errors import InputError

Matrix = list[list[float]]


def times(a: Matrix, b: Matrix) -> Matrix:
    return [[sum(r[k] * b[k][j] for k in range(len(b))) for j in range(len(b[0]))] for r in a]


def transposed(a: Matrix) -> Matrix:
    return [list(column) for column in zip(*a, strict=True)]


def read(f: Matrix, mk: Matrix, mv: Matrix, eps: float) -> tuple[Matrix, Matrix]:
    """One head of one cloud: softmax over the points, unit sum over the slots, times Mv."""
    columns = []
    for slot in transposed(times(f, transposed(mk))):
        total = sum(math.exp(score) for score in slot)
        columns.append([math.exp(score) / total for score in slot])
    weights = [[a / (sum(row) + eps) for a in row] for row in transposed(columns)]
    return times(weights, mv), weights


@pytest.mark.parametrize(("heads", "expand"), [(1, 1), (2, 1), (4, 2), (8, 4)])
def test_equation(heads: int, expand: int) -> None:
    torch.manual_seed(0)
    dim, slots, points = 4, 3, 5
    attention = MultiHeadExternalAttention(dim, heads, slots, expand, eps=1e-2).double()
    x = torch.randn(1, points, dim, dtype=torch.float64)
    out, weights = attention.attend(x)

    wide = times(x[0].tolist(), transposed(attention.query.weight.tolist()))
    width = dim * expand // heads
    joined: Matrix = [[] for _ in range(points)]
    for head in range(heads):
        f = [row[head * width : (head + 1) * width] for row in wide]
        memory = attention.memory
        head_out, head_weights = read(f, memory.mk.tolist(), memory.values.tolist(), 1e-2)
        wanted = torch.tensor(head_weights, dtype=torch.float64)
        torch.testing.assert_close(weights[0, head], wanted, rtol=0, atol=1e-12)
        joined = [row + more for row, more in zip(joined, head_out, strict=True)]
    expected = times(joined, transposed(attention.project.weight.tolist()))
    bias = attention.project.bias.tolist()
    expected = [[v + b for v, b in zip(row, bias, strict=True)] for row in expected]
    wanted = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(out[0], wanted, rtol=0, atol=1e-12)


def test_memory_is_shared_by_the_heads() -> None:
    narrow = MultiHeadExternalAttention(32, heads=2).memory.mk
    assert narrow.shape == (64, 16)
    assert MultiHeadExternalAttention(32, heads=8, expand=4).memory.mk.shape == (64, 16)


def test_the_wide_form_has_the_sizes_of_the_authors_networks() -> None:
    """At 256 channels they have 1,024, in 16 heads of 64, and 64 slots."""
    wide = create_attention("multihead-external-wide", 256)
    assert (wide.heads, wide.query.weight.shape, wide.memory.mk.shape) == (
        16,
        (1024, 256),
        (64, 64),
    )
    options = {"heads": 16, "slots": 64, "expand": 4}
    other = create_attention("multihead-external", 256, **options)
    other.load_state_dict(wide.state_dict())
    x = torch.randn(1, 9, 256)
    assert torch.equal(other(x), wide(x))


def test_rows_sum_to_one() -> None:
    attention = MultiHeadExternalAttention(16)
    weights = attention.attend(torch.randn(2, 30, 16))[1]
    assert weights.shape == (2, 4, 30, 64)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 30))


def test_heads_must_divide() -> None:
    with pytest.raises(InputError, match="3 heads do not divide 16 channels"):
        create_attention("multihead-external", 16, heads=3)
    with pytest.raises(InputError, match="expand is 0; it must be"):
        create_attention("multihead-external", 16, expand=0)
    with pytest.raises(InputError, match="heads is 0; it must be"):
        create_attention("multihead-external", 16, heads=0)
