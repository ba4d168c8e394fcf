"""PCT's attention against its equation, in float64 and one number at a time."""

import math

import pytest
import torch

from pcea.attention import create_attention
from pcea.attention.offset import OffsetAttention
from pcea.errors import InputError

Matrix = list[list[float]]


def reference(q: Matrix, v: Matrix, eps: float) -> tuple[Matrix, Matrix]:
    """One cloud: softmax over keys j, unit sum over queries i, out_j = Σ_i A_ij v_i."""
    points = range(len(q))
    energy = [[sum(a * b for a, b in zip(q[i], q[j], strict=True)) for j in points] for i in points]
    a = [[math.exp(e) / sum(math.exp(other) for other in row) for e in row] for row in energy]
    total = [sum(a[i][j] for i in points) for j in points]
    a = [[a[i][j] / (eps + total[j]) for j in points] for i in points]
    out = [[sum(a[i][j] * v[i][c] for i in points) for c in range(len(v[0]))] for j in points]
    return out, a


@pytest.mark.parametrize("real", [5, 3])
def test_equation(real: int) -> None:
    torch.manual_seed(0)
    dim = 8
    attention = OffsetAttention(dim, query_dim=2, eps=1e-2).double()
    x = 2 * torch.randn(1, 5, dim, dtype=torch.float64)
    mask = torch.arange(5)[None] < real
    out, weights = attention.attend(x, mask=mask)

    cloud = x[0, :real].tolist()
    wq, wv, bias = (
        p.tolist() for p in (attention.query.weight, attention.value.weight, attention.value.bias)
    )
    q = [[sum(p[i] * w[i] for i in range(dim)) for w in wq] for p in cloud]
    v = [
        [sum(p[i] * w[i] for i in range(dim)) + b for w, b in zip(wv, bias, strict=True)]
        for p in cloud
    ]
    expected_out, a = reference(q, v, 1e-2)
    wanted = torch.tensor(expected_out, dtype=torch.float64)
    torch.testing.assert_close(out[0, :real], wanted, rtol=0, atol=1e-12)
    wanted = torch.tensor(a, dtype=torch.float64).T.contiguous()
    torch.testing.assert_close(weights[0, 0, :real, :real], wanted, rtol=0, atol=1e-12)


def test_rows_sum_to_one() -> None:
    """Row j of the map is what point j reads: the map is the paper's A, transposed."""
    mask = torch.arange(9) < torch.tensor([[9], [6]])
    attention, x = OffsetAttention(16), torch.randn(2, 9, 16)
    out, weights = attention.attend(x, mask=mask)
    torch.testing.assert_close(weights.sum(-1).squeeze(1), mask.float())
    torch.testing.assert_close(weights[:, 0] @ attention.value(x), out)


def test_parameters_are_those_of_pct() -> None:
    """Shared query and key without bias, value with bias; the rest of the layer is the model's."""
    attention = create_attention("offset", 256)
    shapes = {name: tuple(p.shape) for name, p in attention.named_parameters()}
    assert shapes == {"query.weight": (64, 256), "value.weight": (256, 256), "value.bias": (256,)}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_normalizes_in_float32_under_autocast(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    attention, x = OffsetAttention(16), 3 * torch.randn(2, 300, 16)
    with torch.autocast("cpu", dtype=dtype):
        query = attention.query(x)
        energy = query @ query.mT
        weights = attention.attend(x)[1]
    assert energy.dtype == dtype
    a = energy.double().softmax(-1)
    a = a / (a.sum(1, keepdim=True) + 1e-9)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights[:, 0].double(), a.mT, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("options", [{"dim": 0}, {"dim": 8, "query_dim": 0}])
def test_bad_sizes(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="must be a whole number of at least 1"):
        create_attention("offset", **options)


def test_narrow_input_still_has_a_query() -> None:
    attention = create_attention("offset", 3)
    assert attention(torch.randn(1, 4, 3)).shape == (1, 4, 3)
