"""The compiled searches against the plain one: the same indices, whatever the clouds look like."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pcea.geometry import knn
from pcea.geometry.kernels import buckets_cpu, neighbors_cpu
from pcea.geometry.neighbors import knn_by_pairs


def clouds(generator: torch.Generator) -> dict[str, Tensor]:
    """Clouds that end in the middle of a bucket, that are full of ties, or have no extent."""
    grid = torch.cartesian_prod(*[torch.arange(6.0)] * 3)  # (216, 3)
    blobs = torch.randn(2, 700, 3, generator=generator) * 1e-3
    blobs[:, ::7] += torch.randn(2, 100, 3, generator=generator).round()
    return {
        "few": torch.rand(3, 5, 3, generator=generator),
        "one bucket": torch.rand(2, 64, 3, generator=generator),
        "one more": torch.rand(2, 65, 3, generator=generator),
        "blobs": blobs,
        "grid": grid[torch.randperm(216, generator=generator)][None],
        "twice": torch.rand(1, 150, 3, generator=generator).repeat(1, 2, 1),
        "flat": torch.rand(2, 300, 3, generator=generator) * torch.tensor([1.0, 0.0, 1.0]),
        "equal": torch.ones(1, 330, 3),
        "huge": (torch.rand(2, 150, 3, generator=generator) - 0.5) * 1e38,
        "tiny": torch.rand(1, 150, 3, generator=generator) * 1e-22,
    }


@pytest.fixture(params=["columns", "buckets"])
def search(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbors_cpu, "LARGE", 1 if request.param == "buckets" else 1 << 40)
    monkeypatch.setattr(neighbors_cpu, "MANY", 1)


@pytest.mark.usefixtures("search")
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", clouds(torch.Generator()))
def test_is_the_plain_search(generator: torch.Generator, name: str, padded: bool) -> None:
    pos = clouds(generator)[name]
    mask = torch.rand(pos.shape[:2], generator=generator) < 0.6 if padded else None
    away = pos[:, :40] * 1.7 + 0.1 * pos[:, :1]
    for query in (pos[:, ::3], away):
        for k in {1, 3, min(32, pos.shape[1]), pos.shape[1]}:
            expected = knn_by_pairs(query, pos, k, mask)
            assert torch.equal(neighbors_cpu.knn(query, pos, k, mask), expected), k


@pytest.mark.usefixtures("search")
def test_a_cloud_of_padding_is_harmless(generator: torch.Generator) -> None:
    pos, mask = torch.rand(2, 70, 3, generator=generator), torch.zeros(2, 70, dtype=torch.bool)
    mask[1, 5] = True
    expected = knn_by_pairs(pos, pos, 4, mask)
    assert torch.equal(neighbors_cpu.knn(pos, pos, 4, mask), expected)


@pytest.mark.usefixtures("search")
def test_queries_are_shared_out(
    generator: torch.Generator,
    monkeypatch: pytest.MonkeyPatch,
    use_threads: Callable[[int], None],
) -> None:
    pos = torch.rand(3, 90, 3, generator=generator)
    expected = knn(pos, pos, 7)
    use_threads(3)
    monkeypatch.setattr(neighbors_cpu, "SHARE", 10)
    assert torch.equal(knn(pos, pos, 7), expected)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, 1e300])
def test_what_is_not_finite_goes_the_plain_way(generator: torch.Generator, wrong: float) -> None:
    pos = torch.rand(1, 20, 3, generator=generator, dtype=torch.float64)
    far = pos.clone()
    far[0, 7, 1] = wrong
    for query, points in ((far, pos), (pos, far)):
        assert not neighbors_cpu.takes(query, points, 6, None)
        assert torch.equal(knn(query, points, 6), knn_by_pairs(query, points, 6, None))


@pytest.mark.usefixtures("search")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_precisions_count_as_float32(generator: torch.Generator, dtype: torch.dtype) -> None:
    pos = torch.rand(1, 90, 3, generator=generator).to(dtype)
    assert torch.equal(knn(pos, pos, 6), knn_by_pairs(pos, pos, 6, None))


@pytest.mark.usefixtures("search")
def test_takes_any_strides_and_gradients(generator: torch.Generator) -> None:
    pos = torch.rand(3, 2, 70, generator=generator).permute(1, 2, 0).requires_grad_()
    assert torch.equal(knn(pos, pos, 6), knn_by_pairs(pos, pos, 6, None))


def test_the_searches_hold_uncompiled(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    pos, mask = torch.rand(1, 140, 3, generator=generator), torch.arange(140)[None] % 5 < 4
    cases = [(pos[:, :3], pos, 20, mask), (pos[:, :3], pos, 2, None), (pos[:, :1], pos, 140, mask)]
    equal, many = torch.ones(1, 400, 3), torch.rand(1, 700, 3, generator=generator)
    cases += [(equal[:, :1], equal, 2, None), (many[:, :2], many, 2, None)]
    expected = [knn_by_pairs(*case) for case in cases]
    for module in (neighbors_cpu, buckets_cpu):
        for name, function in list(vars(module).items()):
            if hasattr(function, "py_func"):
                monkeypatch.setattr(module, name, function.py_func)
    monkeypatch.setattr(neighbors_cpu, "FEW", 50)
    monkeypatch.setattr(neighbors_cpu, "MANY", 1)
    for large in (1, 1000):
        monkeypatch.setattr(neighbors_cpu, "LARGE", large)
        for case, index in zip(cases, expected, strict=True):
            assert torch.equal(neighbors_cpu.knn(*case), index)


def test_large_clouds_are_searched_by_buckets(generator: torch.Generator) -> None:
    pos = torch.randn(1, 20000, 3, generator=generator)
    pos = pos / pos.norm(dim=-1, keepdim=True)
    some = torch.arange(0, 20000, 97)
    index = knn(pos, pos, 32)
    assert torch.equal(index[:, some], knn_by_pairs(pos[:, some], pos, 32, None))


def test_is_an_operator_that_torch_accepts(generator: torch.Generator) -> None:
    pos, mask = torch.rand(2, 30, 3, generator=generator), torch.ones(2, 30, dtype=torch.bool)
    for own in (None, mask):
        torch.library.opcheck(torch.ops.pcea.knn.default, (pos[:, :7], pos, 5, own))
