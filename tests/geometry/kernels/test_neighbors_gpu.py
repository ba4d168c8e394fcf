"""The Triton kernel against the plain search: in Triton's interpreter where there is no GPU."""

import os

import pytest
import torch

from pcea.geometry import kernels
from pcea.geometry.neighbors import knn_by_pairs

pytest.importorskip("triton", reason="Triton is not installed")

knn_on_gpu = kernels.by_kernel("neighbors_gpu", "knn", knn_by_pairs)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
interpreted = os.environ.get("TRITON_INTERPRET") == "1"
kernel = pytest.mark.skipif(
    DEVICE == "cpu" and not interpreted, reason="test_gpu.py runs it, interpreted"
)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many programs and many tiles; and the interpreter sorts slowly."""
    if interpreted or DEVICE == "cuda":
        from pcea.geometry.kernels import neighbors_gpu

        monkeypatch.setattr(neighbors_gpu, "_QUERIES", 4)
        monkeypatch.setattr(neighbors_gpu, "_POINTS", 8)


@kernel
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(("total", "k"), [(1, 1), (5, 5), (29, 1), (29, 3), (16, 11)])
def test_is_the_plain_search(generator: torch.Generator, total: int, k: int, padded: bool) -> None:
    pos = torch.rand(2, total, 3, generator=generator).to(DEVICE)
    query = torch.rand(2, 6, 3, generator=generator).to(DEVICE)
    mask = (torch.rand(2, total, generator=generator) < 0.5).to(DEVICE) if padded else None
    assert torch.equal(knn_on_gpu(query, pos, k, mask), knn_by_pairs(query, pos, k, mask))


@kernel
def test_ties_go_to_the_lower_index(generator: torch.Generator) -> None:
    grid = torch.cartesian_prod(*[torch.arange(3.0)] * 3).repeat(2, 1)  # (54, 3)
    pos = grid[torch.randperm(54, generator=generator)][None].to(DEVICE)
    assert torch.equal(knn_on_gpu(pos[:, :6], pos, 8, None), knn_by_pairs(pos[:, :6], pos, 8, None))


@kernel
def test_few_real_points_repeat_the_nearest(generator: torch.Generator) -> None:
    pos = torch.rand(2, 12, 3, generator=generator).to(DEVICE)
    mask = torch.zeros(2, 12, dtype=torch.bool, device=DEVICE)
    mask[1, [3, 10]] = True  # and the other cloud is padding throughout
    assert torch.equal(knn_on_gpu(pos, pos, 4, mask), knn_by_pairs(pos, pos, 4, mask))


@kernel
@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, 1e30])
def test_what_is_not_finite_changes_nothing(generator: torch.Generator, wrong: float) -> None:
    pos = torch.rand(1, 20, 3, generator=generator)
    pos[0, [7, 9], 1] = wrong
    pos = pos.to(DEVICE)
    for mask in (None, torch.arange(20, device=DEVICE)[None] % 4 != 1):
        expected = knn_by_pairs(pos[:, 5:9], pos, 4, mask)
        assert torch.equal(knn_on_gpu(pos[:, 5:9], pos, 4, mask), expected)


@kernel
def test_no_queries_are_no_answer() -> None:
    pos = torch.rand(2, 9, 3, device=DEVICE)
    assert knn_on_gpu(pos[:, :0], pos, 4, None).shape == (2, 0, 4)


@kernel
def test_many_neighbors_are_found_the_plain_way(generator: torch.Generator) -> None:
    from pcea.geometry.kernels import neighbors_gpu

    pos, k = torch.rand(1, 200, 3, generator=generator).to(DEVICE), neighbors_gpu.MOST_NEIGHBORS + 1
    assert not neighbors_gpu.takes(pos, pos, k, None)
    assert torch.equal(knn_on_gpu(pos, pos, k, None), knn_by_pairs(pos, pos, k, None))


def test_goes_the_plain_way_without_triton(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "has_triton", lambda: False)
    pos = torch.rand(1, 30, 3, generator=generator)
    assert torch.equal(knn_on_gpu(pos, pos, 6, None), knn_by_pairs(pos, pos, 6, None))
