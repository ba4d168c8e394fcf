"""The edges' operators against the same written down edge by edge, in float64."""

import pytest
import torch
from torch import Tensor

from pcea.geometry import gather
from pcea.models.edges import (
    edge_linear_max,
    edge_max,
    edge_moments,
    linear_max,
    packed_tiles,
    tiles,
)


@pytest.fixture
def graph(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    near = torch.randn(3, 9, 4, generator=generator).double()
    own = torch.randn(3, 7, 4, generator=generator).double()
    index = torch.randint(0, 9, (3, 7, 5), generator=generator)
    return near.requires_grad_(), own.requires_grad_(), index


def held(near: Tensor, own: Tensor, index: Tensor) -> Tensor:
    """All edges at once, (B, M, k, C)."""
    return gather(near, index) + own.unsqueeze(2)


def assert_same_gradients(ours: Tensor, theirs: Tensor, inputs: tuple[Tensor, ...]) -> None:
    weight = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1)).double()
    got = torch.autograd.grad((ours * weight).sum(), inputs, retain_graph=True)
    wanted = torch.autograd.grad((theirs * weight).sum(), inputs, retain_graph=True)
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_moments_are_those_of_all_edges(graph: tuple[Tensor, Tensor, Tensor]) -> None:
    near, own, _ = graph
    every = held(*graph).flatten(0, 2)
    mean, variance = edge_moments(*graph)
    torch.testing.assert_close(mean, every.mean(0))
    torch.testing.assert_close(variance, every.var(0, correction=0))
    assert_same_gradients(mean, every.mean(0), (near, own))
    assert_same_gradients(variance, every.var(0, correction=0), (near, own))


def test_moments_keep_their_digits_far_from_zero(generator: torch.Generator) -> None:
    near, own = torch.randn(2, 2, 50, 3, generator=generator).add(1000).unbind(0)
    index = torch.randint(0, 50, (2, 50, 8), generator=generator)
    _, variance = edge_moments(near, own, index)
    exact = held(near.double(), own.double(), index).flatten(0, 2).var(0, correction=0)
    torch.testing.assert_close(variance.double(), exact, rtol=1e-4, atol=0)


def test_maximum_is_that_of_all_neighbors(graph: tuple[Tensor, Tensor, Tensor]) -> None:
    near, own, _ = graph
    every = held(*graph)
    edges = every.flatten(0, 2)
    wanted = every.max(2).values, edges.mean(0), edges.var(0, correction=0)
    for ours, theirs in zip(edge_max(*graph, True), wanted, strict=True):
        torch.testing.assert_close(ours, theirs)
        assert_same_gradients(ours, theirs, (near, own))


@pytest.mark.parametrize("tile", [1, 1000, 1 << 22])
def test_linear_maximum_is_that_of_all_edges(
    graph: tuple[Tensor, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch, tile: int
) -> None:
    monkeypatch.setattr(tiles, "TILE", tile)
    near, own, _ = graph
    weight = torch.randn(6, 4, generator=torch.Generator().manual_seed(2)).double()
    weight.requires_grad_()
    best, mean, variance = edge_linear_max(*graph, weight, True)
    every = held(*graph).relu() @ weight.T  # (B, M, k, D)
    wanted = every.max(2).values, every.mean((0, 1, 2)), every.var((0, 1, 2), correction=0)
    for ours, theirs in zip((best, mean, variance), wanted, strict=True):
        torch.testing.assert_close(ours, theirs)
        assert_same_gradients(ours, theirs, (near, own, weight))


def test_maximum_is_the_same_where_nothing_else_is_wanted(
    graph: tuple[Tensor, Tensor, Tensor],
) -> None:
    weight = torch.eye(4).double()
    with torch.no_grad():
        best, mean, variance = edge_linear_max(*graph, weight, False)
        assert torch.equal(best, edge_linear_max(*graph, weight, True)[0])
        assert not mean.any() and not variance.any()
        best, mean, variance = edge_max(*graph, False)
        assert torch.equal(best, edge_max(*graph, True)[0])
        assert not mean.any() and not variance.any()


def test_equal_edges_share_no_gradient() -> None:
    near = torch.ones(1, 3, 1).double().requires_grad_()
    own = torch.zeros(1, 1, 1).double()
    index = torch.tensor([[[2, 0, 1]]])
    (got,) = torch.autograd.grad(edge_max(near, own, index, True)[0].sum(), near)
    assert got.flatten().tolist() == [0, 0, 1]
    best, *_ = edge_linear_max(near, own, index, torch.ones(1, 1).double(), True)
    (got,) = torch.autograd.grad(best.sum(), near)
    assert got.flatten().tolist() == [0, 0, 1]


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_what_is_not_finite_is_not_hidden(broken: float) -> None:
    near, own = torch.zeros(1, 4, 2), torch.zeros(1, 4, 2)
    near[0, 2, 0] = broken
    index = torch.tensor([[[0, 1], [2, 0], [3, 2], [1, 0]]])
    wanted = held(near, own, index)
    for moments in (False, True):
        best, *_ = edge_max(near, own, index, moments)
        torch.testing.assert_close(best, wanted.amax(2), equal_nan=True)
        best, *_ = edge_linear_max(near, own, index, torch.eye(2), moments)
        assert torch.equal(best.isfinite(), (wanted.relu() @ torch.eye(2)).amax(2).isfinite())


@pytest.mark.usefixtures("in_bf16")
def test_bf16_leaves_what_it_cannot_order_to_the_plain_tiles(generator: torch.Generator) -> None:
    near, own = torch.randn(2, 1, 6, 4, generator=generator).unbind()
    index, weight = torch.randint(0, 6, (1, 6, 3), generator=generator), torch.eye(4)
    inputs = [each.double() for each in (near, own, weight)]
    exact = edge_linear_max(*inputs[:2], index, inputs[2], True)
    for ours, theirs in zip(
        edge_linear_max(*inputs[:2], index, inputs[2], True, half=True), exact, strict=True
    ):
        assert torch.equal(ours, theirs)  # float64 stays
    large = 1e38 * near.abs()
    weight[:, 0], weight[:, 1] = 20, -20  # inf − inf
    found = edge_linear_max(large, own, index, weight, False, half=True)[0]
    wanted = edge_linear_max(large, own, index, weight, False)[0]
    torch.testing.assert_close(found, wanted, equal_nan=True)
    assert not wanted.isfinite().all()


@pytest.mark.usefixtures("in_bf16")
def test_the_place_of_a_maximum_among_many_neighbors() -> None:
    near = torch.zeros(1, 40_000, 1)
    near[0, -1] = 1
    near.requires_grad_()
    index = torch.arange(40_000).view(1, 1, -1)
    own, weight = torch.zeros(1, 1, 1), torch.ones(1, 1)
    best, *_ = edge_linear_max(near, own, index, weight, True, half=True)
    (got,) = torch.autograd.grad(best.sum(), near)
    assert got.flatten().argmax() == 39_999


def test_without_moments_no_gradient_flows(graph: tuple[Tensor, Tensor, Tensor]) -> None:
    weight = torch.eye(4).double().requires_grad_()
    assert not edge_linear_max(*graph, weight, False)[0].requires_grad
    assert not edge_max(*graph, False)[0].requires_grad


@pytest.mark.usefixtures("in_bf16")
@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_bits_hide_nothing_that_is_not_finite(broken: float) -> None:
    near, own = torch.zeros(2, 1, 4, 2).unbind()
    near[0, 2, 0] = broken
    index = torch.tensor([[[0, 1], [2, 0], [3, 2], [1, 0]]])
    for moments in (False, True):
        best, *_ = edge_linear_max(near, own, index, -torch.eye(2), moments, half=True)
        wanted = edge_linear_max(near, own, index, -torch.eye(2), moments)[0]
        torch.testing.assert_close(best, wanted, equal_nan=True)


def test_operators_keep_torchs_rules(graph: tuple[Tensor, Tensor, Tensor]) -> None:
    near, own, index = graph
    weight = torch.eye(4).double().requires_grad_()
    torch.library.opcheck(torch.ops.pcea.edge_moments.default, (near, own, index))
    for moments in (True, False):
        arguments = (near, own, index, weight, moments, False)
        if not moments:
            arguments = (near.detach(), own.detach(), index, weight.detach(), moments, False)
        torch.library.opcheck(torch.ops.pcea.edge_linear_max.default, arguments)
        torch.library.opcheck(torch.ops.pcea.edge_max.default, (*arguments[:3], moments))


def test_threads_change_nothing(graph: tuple[Tensor, Tensor, Tensor]) -> None:
    near, own, _ = graph
    weight = torch.eye(4).double().requires_grad_()

    def run() -> tuple[Tensor, ...]:
        best, mean, variance = edge_linear_max(*graph, weight, True)
        sums = [best, mean, variance, *edge_max(*graph, True), *edge_moments(*graph)]
        loss = torch.stack([each.sum() for each in sums]).sum()
        return best, *torch.autograd.grad(loss, (near, own, weight))

    alone = run()
    torch.set_num_threads(2)
    try:
        together = run()
    finally:
        torch.set_num_threads(1)
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other)


@pytest.fixture
def in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that multiplies bf16 faster; every processor multiplies it somehow."""
    monkeypatch.setattr(linear_max, "bf16_is_faster", lambda: True)


@pytest.mark.usefixtures("in_bf16")
@pytest.mark.parametrize("tile", [1, 4000, 1 << 22])
def test_tiles_in_bf16_differ_by_their_rounding_alone(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch, tile: int
) -> None:
    """Values and gradients are within what rounding to eight bits can do, of the plain form."""
    monkeypatch.setattr(packed_tiles, "TILE", tile)
    near, own = (torch.randn(2, num, 16, generator=generator) for num in (30, 20))
    index = torch.randint(0, 30, (2, 20, 8), generator=generator)
    weight = torch.randn(24, 16, generator=generator) / 4
    inputs = [each.requires_grad_() for each in (near, own, weight)]
    out = edge_linear_max(near, own, index, weight, True, half=True)
    wide = [each.detach().double().requires_grad_() for each in inputs]
    every = held(wide[0], wide[1], index).relu() @ wide[2].T
    wanted = every.max(2).values, every.mean((0, 1, 2)), every.var((0, 1, 2), correction=0)
    for ours, theirs in zip(out, wanted, strict=True):
        assert (ours - theirs).norm() < 0.01 * theirs.norm()
        grads = torch.autograd.grad(ours.sum(), inputs, retain_graph=True)
        truth = torch.autograd.grad(theirs.sum(), wide, retain_graph=True)
        for got, exact in zip(grads, truth, strict=True):
            # Rounding may let another of two nearly equal edges win the maximum.
            assert got.dtype == torch.float32
            assert (got - exact).norm() < 0.1 * exact.norm()


@pytest.mark.usefixtures("in_bf16")
def test_tiles_in_bf16_are_exact_where_nothing_is_rounded() -> None:
    """Small whole numbers have eight bits, so that both precisions give the same."""
    generator = torch.Generator().manual_seed(3)
    near, own = (torch.randint(-3, 4, (2, 9, 4), generator=generator).float() for _ in range(2))
    index = torch.randint(0, 9, (2, 9, 5), generator=generator)
    weight = torch.randint(-2, 3, (6, 4), generator=generator).float()
    inputs = [each.requires_grad_() for each in (near, own, weight)]
    found = []
    for half in (True, False):
        best, mean, variance = edge_linear_max(near, own, index, weight, True, half)
        grads = torch.autograd.grad(best.sum(), inputs)
        found.append((best, mean, variance, *grads))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_without_matrix_units_half_changes_nothing(
    graph: tuple[Tensor, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear_max, "bf16_is_faster", lambda: False)
    near, own, index = graph
    weight = torch.eye(4).double()
    for one, other in zip(
        edge_linear_max(near, own, index, weight, True, half=True),
        edge_linear_max(near, own, index, weight, True),
        strict=True,
    ):
        assert torch.equal(one, other)
