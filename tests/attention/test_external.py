"""External attention against its equation, in float64 and one number at a time."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import pcea.attention.external
import pcea.attention.reading
from pcea.attention import create_attention
from pcea.attention.external import ExternalAttention, double_normalize
from pcea.errors import InputError


def reference(
    x: list[list[float]],
    wq: list[list[float]] | None,
    mk: list[list[float]],
    mv: list[list[float]],
    eps: float,
) -> tuple[list[list[float]], list[list[float]]]:
    """One cloud: F = x Wq, A = Norm(F Mkᵀ), out = A Mv, as the paper writes it."""
    points, slots, dim = len(x), len(mk), len(mk[0])
    if wq is None:
        f = x
    else:  # torch keeps Wq transposed: (out, in)
        f = [
            [sum(x[n][i] * wq[c][i] for i in range(dim)) for c in range(dim)] for n in range(points)
        ]
    scores = [
        [sum(f[n][c] * mk[s][c] for c in range(dim)) for s in range(slots)] for n in range(points)
    ]
    softmax = [[0.0] * slots for _ in range(points)]
    for s in range(slots):
        total = sum(math.exp(scores[n][s]) for n in range(points))
        for n in range(points):
            softmax[n][s] = math.exp(scores[n][s]) / total
    weights = [[a / (eps + sum(row)) for a in row] for row in softmax]
    out = [
        [sum(weights[n][s] * mv[s][c] for s in range(slots)) for c in range(dim)]
        for n in range(points)
    ]
    return out, weights


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def external(dim: int, **options: object) -> ExternalAttention:
    torch.manual_seed(1)
    attention = create_attention("external", dim, **options)
    assert isinstance(attention, ExternalAttention)
    return attention


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("query", [False, True])
def test_equation(tied: bool, query: bool) -> None:
    attention = external(4, slots=3, tied=tied, query=query, eps=1e-2).double()
    x = 2 * randn(2, 6, 4).double()
    mk, mv = attention.memory.mk.tolist(), attention.memory.values.tolist()
    wq = attention.query.weight.tolist() if query else None
    out, weights = attention.attend(x)
    for cloud in range(2):
        expected_out, expected_weights = reference(x[cloud].tolist(), wq, mk, mv, 1e-2)
        torch.testing.assert_close(
            weights[cloud, 0],
            torch.tensor(expected_weights, dtype=torch.float64),
            rtol=0,
            atol=1e-12,
        )
        wanted = torch.tensor(expected_out, dtype=torch.float64)
        torch.testing.assert_close(out[cloud], wanted, rtol=0, atol=1e-12)


@pytest.fixture(params=["open", "in blocks"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few points are read in the open, many in blocks; here a few are many."""
    if request.param == "in blocks":
        monkeypatch.setattr(pcea.attention.external, "_CPU_PLAIN", 0)
        monkeypatch.setattr(pcea.attention.reading, "_CPU_SCORES", 12)


@pytest.mark.usefixtures("read")
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("query", [False, True])
def test_forward_equation(tied: bool, query: bool) -> None:
    attention = external(4, slots=3, tied=tied, query=query, eps=1e-2).double()
    x = 2 * randn(2, 6, 4).double()
    mk, mv = attention.memory.mk.tolist(), attention.memory.values.tolist()
    wq = attention.query.weight.tolist() if query else None
    out = attention(x)
    for cloud in range(2):
        expected, _ = reference(x[cloud].tolist(), wq, mk, mv, 1e-2)
        wanted = torch.tensor(expected, dtype=torch.float64)
        torch.testing.assert_close(out[cloud], wanted, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("read")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("external", {}),
        ("external", {"tied": True}),
        ("external", {"query": False}),
        ("multihead-external", {"heads": 2, "expand": 3, "slots": 7}),
        ("multihead-external", {"heads": 4, "tied": True}),
    ],
)
def test_forward_learns_as_attend(name: str, options: dict[str, object]) -> None:
    """What the folded query gives to the input and to every parameter, Wq and Mk among them."""
    torch.manual_seed(1)
    attention = create_attention(name, 8, **options).double()
    x = randn(3, 9, 8).double().requires_grad_()
    mask = torch.arange(9) < torch.tensor([[9], [4], [0]])
    weight = randn(3, 9, 8, seed=2).double()
    inputs = [x, *attention.parameters()]
    out, expected = attention(x, mask=mask), attention.attend(x, mask=mask)[0]
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(
        torch.autograd.grad((out * weight).sum(), inputs),
        torch.autograd.grad((expected * weight).sum(), inputs),
    )


def test_many_points_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(x: Tensor, *rest: object) -> Tensor:
        asked.append(x.shape[1])
        return pcea.attention.reading.read_memory(x, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pcea.attention.external, "read_memory", read)
    attention = external(4)
    most = pcea.attention.external._CPU_PLAIN // 64
    for points in (most, most + 1):
        x = randn(1, points, 4)
        torch.testing.assert_close(attention(x), attention.attend(x)[0], rtol=1e-4, atol=1e-5)
    assert asked == [most + 1]


def test_axes_by_hand() -> None:
    """The order and the axes: softmax over the points first, unit sum over the slots second."""
    scores = torch.tensor([[[0.0, math.log(3.0)], [0.0, 0.0]]])
    # slot 0 gives the points 1/2, 1/2; slot 1 gives them 3/4, 1/4; then each row to sum 1
    expected = torch.tensor([[[2 / 5, 3 / 5], [2 / 3, 1 / 3]]])
    torch.testing.assert_close(double_normalize(scores), expected)
    swapped = scores.softmax(-1) / scores.softmax(-1).sum(1, keepdim=True)
    assert not torch.allclose(swapped, expected, atol=0.05)


def test_rows_sum_to_one() -> None:
    mask = torch.ones(2, 50, dtype=torch.bool)
    mask[1, 30:] = False
    sums = external(16).attend(randn(2, 50, 16), mask=mask)[1].sum(-1).squeeze(1)
    torch.testing.assert_close(sums, mask.float())


@pytest.mark.parametrize("name", ["external", "multihead-external"])
def test_duplicated_cloud(name: str) -> None:
    torch.manual_seed(1)
    attention, x = create_attention(name, 16), randn(2, 20, 16)
    out = attention(x)
    torch.testing.assert_close(attention(torch.cat([x, x], 1)), torch.cat([out, out], 1))


def test_heads_share_the_normalization_axes() -> None:
    scores = randn(2, 9, 3, 5)
    mask = torch.arange(9) < torch.tensor([[9], [6]])
    together = double_normalize(scores, mask)
    for head in range(3):
        torch.testing.assert_close(together[:, :, head], double_normalize(scores[:, :, head], mask))


def test_untied_memories_are_independent() -> None:
    memory = external(16, slots=8).memory
    assert memory.values is memory.mv
    assert memory.mk.untyped_storage().data_ptr() != memory.values.untyped_storage().data_ptr()
    assert not torch.equal(memory.mk, memory.values)
    cosine = F.cosine_similarity(memory.mk.flatten(), memory.values.flatten(), dim=0)
    assert cosine.abs() < 0.3
    assert sorted(memory.state_dict()) == ["mk", "mv"]


def test_tied_memory_is_one() -> None:
    attention = external(16, slots=8, tied=True)
    memory = attention.memory
    assert memory.values is memory.mk
    assert [name for name, _ in memory.named_parameters()] == ["mk"]
    assert list(memory.state_dict()) == ["mk"]
    attention.double().load_state_dict(attention.state_dict(), assign=True)
    assert memory.values is memory.mk


def test_fresh_scores_have_unit_variance() -> None:
    scores = F.linear(randn(1, 2000, 64), external(64).memory.mk)
    assert 0.8 < scores.std() < 1.1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_scores_do_not_underflow(dtype: torch.dtype) -> None:
    """A point that every slot neglects: its softmax and the paper's eps are 0 in float16."""
    scores = randn(1, 4096, 8)
    scores[0, 0] -= 12
    scores = scores.to(dtype)
    exact = scores.double().softmax(1)
    exact = exact / (exact.sum(-1, keepdim=True) + 1e-9)
    weights = double_normalize(scores)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights.double(), exact, rtol=1e-4, atol=0)

    naive = scores.softmax(1)
    naive = naive / (naive.sum(-1, keepdim=True) + 1e-9)
    assert not torch.allclose(naive.double(), exact, rtol=1e-2, atol=0, equal_nan=False)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_normalizes_in_float32_under_autocast(dtype: torch.dtype) -> None:
    attention, x = external(16, query=False), randn(2, 500, 16)
    with torch.autocast("cpu", dtype=dtype):
        scores = F.linear(x, attention.memory.mk)
        out, weights = attention.attend(x)
        assert attention(x).dtype == dtype
    assert scores.dtype == out.dtype == dtype
    exact = scores.double().softmax(1)
    exact = exact / (exact.sum(-1, keepdim=True) + 1e-9)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights[:, 0].double(), exact, rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    "options",
    [{"dim": 0}, {"dim": -4}, {"dim": 8.0}, {"dim": 8, "slots": 0}, {"dim": 8, "slots": "64"}],
)
def test_bad_sizes(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"must be a whole number of at least 1") as error:
        create_attention("external", **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("norm", ["points", "slots"])
def test_one_softmax_alone_is_the_one_of_its_name(norm: str) -> None:
    torch.manual_seed(0)
    attention = create_attention("external", 6, slots=4, norm=norm).double()
    x = torch.randn(1, 5, 6, dtype=torch.float64)
    memory = {name: each.detach() for name, each in attention.named_parameters()}
    out, weights = (each.detach() for each in attention.attend(x))
    scores = [
        [float(memory["memory.mk"][s] @ (memory["query.weight"] @ x[0, n])) for s in range(4)]
        for n in range(5)
    ]
    for n in range(5):
        for s in range(4):
            rivals = [scores[m][s] for m in range(5)] if norm == "points" else scores[n]
            expected = math.exp(scores[n][s]) / sum(map(math.exp, rivals))
            assert abs(float(weights[0, 0, n, s]) - expected) < 1e-12
    torch.testing.assert_close(out[0], weights[0, 0] @ memory["memory.mv"], rtol=0, atol=1e-12)


def test_an_unknown_norm_is_refused() -> None:
    with pytest.raises(InputError, match="norm is 'point'; it must be 'double' or 'points' or"):
        create_attention("external", 6, norm="point")
