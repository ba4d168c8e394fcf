"""Neighbors against SciPy's tree and a stable sort, interpolation against its equation."""

import pytest
import torch
from scipy.spatial import cKDTree

from pcea.geometry import gather, knn, neighbors, squared_distances, three_interpolate


@pytest.fixture(params=[1 << 21, 64])
def pairs_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything at once, and in many small pieces."""
    monkeypatch.setattr(neighbors, "PAIRS_AT_ONCE_ON_CPU", request.param)


@pytest.mark.usefixtures("pairs_at_once")
def test_is_what_scipy_finds(generator: torch.Generator) -> None:
    query = torch.randn(3, 17, 3, generator=generator)
    pos = torch.randn(3, 50, 3, generator=generator)
    index = knn(query, pos, 8)
    for q, p, found in zip(query, pos, index, strict=True):
        _, expected = cKDTree(p.double().numpy()).query(q.double().numpy(), k=8)
        assert found.tolist() == expected.tolist()


@pytest.mark.usefixtures("pairs_at_once")
def test_ties_go_to_the_lower_index() -> None:
    grid = torch.cartesian_prod(*[torch.arange(4.0)] * 3)[None]  # (1, 64, 3), full of ties
    expected = squared_distances(grid, grid).argsort(dim=-1, stable=True)
    assert torch.equal(knn(grid, grid, 20), expected[..., :20])


def test_the_nearest_to_a_point_is_itself(generator: torch.Generator) -> None:
    pos = torch.randn(2, 30, 3, generator=generator)
    assert torch.equal(knn(pos, pos, 1)[..., 0], torch.arange(30).expand(2, -1))
    assert squared_distances(pos, pos).diagonal(dim1=1, dim2=2).abs().max() == 0


@pytest.mark.usefixtures("pairs_at_once")
def test_padding_is_no_neighbor(generator: torch.Generator) -> None:
    pos = torch.randn(1, 20, 3, generator=generator)
    mask = torch.zeros(1, 20, dtype=torch.bool)
    mask[0, 3:15] = True
    found = knn(pos[:, 3:5], pos, 12, mask)
    assert torch.equal(found, knn(pos[:, 3:5], pos[:, 3:15], 12) + 3)


def test_few_real_points_repeat_the_nearest(generator: torch.Generator) -> None:
    pos = torch.randn(1, 6, 3, generator=generator)
    mask = torch.tensor([[False, True, False, True, False, False]])
    near, far = knn(pos[:, :1], pos, 2, mask)[0, 0].tolist()
    assert knn(pos[:, :1], pos, 4, mask).tolist() == [[[near, far, near, near]]]


@pytest.mark.parametrize("k", [0, 7])
def test_refuses_more_neighbors_than_points(k: int) -> None:
    with pytest.raises(ValueError, match="cannot find"):
        knn(torch.rand(1, 2, 3), torch.rand(1, 6, 3), k)


def test_gather_looks_rows_up(generator: torch.Generator) -> None:
    x = torch.randn(2, 5, 4, generator=generator, dtype=torch.double, requires_grad=True)
    index = torch.tensor([[[0, 4], [1, 1]], [[3, 2], [0, 0]]])
    rows = gather(x, index)
    assert rows.shape == (2, 2, 2, 4)
    assert torch.equal(rows[1, 0, 1], x[1, 2])
    assert torch.autograd.gradcheck(lambda t: gather(t, index), x)


def test_compiles_without_a_break(generator: torch.Generator) -> None:
    pos = torch.rand(2, 50, 3, generator=generator)
    compiled = torch.compile(knn, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(pos, pos, 9), knn(pos, pos, 9))


def test_interpolation_is_the_equation(generator: torch.Generator) -> None:
    query = torch.randn(1, 7, 3, generator=generator)
    pos, x = torch.randn(1, 20, 3, generator=generator), torch.randn(1, 20, 5, generator=generator)
    out = three_interpolate(query, pos, x)[0]
    for q, found in zip(query[0].double(), out.double(), strict=True):
        squared = ((pos[0].double() - q) ** 2).sum(-1)
        nearest = squared.argsort()[:3]
        weight = 1 / squared[nearest]
        expected = (weight[:, None] * x[0, nearest].double()).sum(0) / weight.sum()
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_known_points_keep_their_features(generator: torch.Generator) -> None:
    pos, x = torch.randn(2, 20, 3, generator=generator), torch.randn(2, 20, 5, generator=generator)
    torch.testing.assert_close(three_interpolate(pos, pos, x), x, rtol=1e-4, atol=1e-4)


def test_an_interpolated_constant_stays_constant(generator: torch.Generator) -> None:
    query, pos = torch.randn(1, 9, 3, generator=generator), torch.zeros(1, 4, 3)
    out = three_interpolate(query, pos, torch.full((1, 4, 2), 0.7))
    torch.testing.assert_close(out, torch.full((1, 9, 2), 0.7))


def test_one_point_is_enough_to_interpolate() -> None:
    x = torch.tensor([[[3.0]]])
    assert three_interpolate(torch.ones(1, 2, 3), torch.zeros(1, 1, 3), x).tolist() == [[[3], [3]]]


def test_padding_has_no_weight_in_interpolation(generator: torch.Generator) -> None:
    query, pos = (
        torch.randn(1, 9, 3, generator=generator),
        torch.randn(1, 8, 3, generator=generator),
    )
    x = torch.randn(1, 8, 2, generator=generator)
    mask = torch.arange(8)[None] < 5
    out = three_interpolate(query, pos, x, mask)
    torch.testing.assert_close(out, three_interpolate(query, pos[:, :5], x[:, :5]))
