"""The contests of geometry: all contestants do the same."""

import sys
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pcea.benchmarks import geometry_peers as peers
from pcea.benchmarks.geometry import (
    LARGE_SIZES,
    geometry_contests,
    same_indices,
    same_points,
    surface_points,
)
from pcea.benchmarks.measure import Measured, compare
from pcea.benchmarks.plain_geometry import plain_farthest_points, plain_neighbors

CPU = torch.device("cpu")


def outcomes(**more: Any) -> list[Measured]:
    contests = geometry_contests(2, 96, 4, CPU, **more)
    return [compare(each, rounds=1, least=0.0) for each in islice(contests, 2)]


def test_who_is_there_finds_the_same() -> None:
    for measured in outcomes():
        assert measured.reference is not None
        for row in measured.rows:
            assert row.seconds or row.error.startswith("not installed"), row.error
            # QuickFPS of fpsample begins elsewhere than it is told to.
            if row.seconds and "buckets" not in row.contestant.name:
                assert row.agreement == 1, row.contestant.name


def test_who_is_absent_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fpsample", "scipy.spatial", "open3d", "torch_geometric.nn"):
        monkeypatch.setitem(sys.modules, name, None)
    for measured in outcomes():
        for row in measured.rows:
            peer = row.contestant.kind == "peer"
            assert peer == row.error.startswith("not installed: "), row.error
            assert peer != bool(row.seconds)


def test_the_sizes_go_up_to_a_million() -> None:
    small = list(geometry_contests(32, 1024, 32, CPU))
    assert [each.title for each in small] == [
        "Farthest points: 512 of 1,024, batch 32",
        "Neighbors: the 32 nearest of 1,024 from 512 of them, batch 32",
    ]
    large = list(geometry_contests(32, 1024, 32, CPU, large=True))
    assert len(large) == 2 + 2 * len(LARGE_SIZES)
    assert large[-1].size == 1_000_000 and "from 1,000,000" in large[-1].title


def test_a_gpu_meets_no_cpu_package() -> None:
    names = [
        row.name
        for each in geometry_contests(2, 64, 4, torch.device("cuda"))
        for row in each.contestants
    ]
    assert "pcea" in names and not any("SciPy" in name or "fpsample" in name for name in names)


def test_clouds_are_reproducible_surfaces() -> None:
    pos = surface_points(3, 500)
    assert pos.equal(surface_points(3, 500))
    # x²/a² + y²/b² + z²/c² = 1 for some a, b, c of each cloud
    for cloud in pos.double():
        found = torch.linalg.lstsq(cloud.square(), torch.ones(500, 1).double())
        torch.testing.assert_close(
            cloud.square() @ found.solution, torch.ones(500, 1).double(), atol=1e-5, rtol=0
        )


def test_agreement() -> None:
    one, two = torch.tensor([[0, 1, 2, 3]]), torch.tensor([[0, 1, 3, 9]])
    assert same_indices(one, two) == 0.5
    assert same_points(one, two) == 0.75


def test_torch_geometric_is_called_as_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    def fps(x: Any, batch: Any, ratio: float, random_start: bool, batch_size: int) -> Any:
        assert not random_start and batch_size == 2 and batch.tolist() == [0] * 50 + [1] * 50
        chosen = plain_farthest_points(x.view(2, 50, 3), round(50 * ratio))
        return (chosen + torch.tensor([[0], [50]])).flatten()

    def knn(x: Any, y: Any, k: int, batch_x: Any, batch_y: Any, batch_size: int) -> Any:
        found = plain_neighbors(y.view(2, -1, 3), x.view(2, 50, 3), k)
        queries = torch.arange(len(y)).repeat_interleave(k)
        return torch.stack([queries, (found + torch.tensor([0, 50]).view(2, 1, 1)).flatten()])

    monkeypatch.setattr(peers, "_geometric", lambda: SimpleNamespace(fps=fps, knn=knn))
    pos = surface_points(2, 50)
    assert peers.geometric_farthest_points(pos, 20).equal(plain_farthest_points(pos, 20))
    query = pos[:, :7].contiguous()
    assert peers.geometric_neighbors(query, pos, 3).equal(plain_neighbors(query, pos, 3))
