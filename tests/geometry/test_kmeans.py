"""k-means against SciPy's, and its start against its probabilities."""

import pytest
import torch
from scipy.cluster.vq import kmeans2
from torch import Generator, Tensor

from pcea.errors import InputError
from pcea.geometry import kmeans
from pcea.geometry.kmeans import lloyd, start_of_kmeans


def test_from_the_same_start_it_finds_what_scipy_finds(generator: Generator) -> None:
    points = torch.randn(600, 5, generator=generator, dtype=torch.float64)
    start = start_of_kmeans(points, 12, generator)
    expected, _ = kmeans2(points.numpy(), start.numpy(), iter=100, minit="matrix", missing="raise")
    torch.testing.assert_close(lloyd(points, start, 100), torch.from_numpy(expected))


def groups(generator: Generator, far: float = 0.0) -> tuple[Tensor, Tensor]:
    """Eight small groups at the corners of a cube."""
    corners = torch.tensor([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]).float()
    points = corners.repeat_interleave(40, 0) + 0.02 * torch.randn(320, 3, generator=generator)
    return points + far, points.view(8, 40, 3).mean(1) + far


@pytest.mark.parametrize("far", [0.0, 500.0])
def test_it_finds_groups(generator: Generator, far: float) -> None:
    points, means = groups(generator, far)
    found = kmeans(points, 8, generator)
    nearest = torch.cdist(found, means).argmin(1)
    assert sorted(nearest.tolist()) == list(range(8))
    torch.testing.assert_close(found, means[nearest], rtol=1e-6, atol=1e-5)


def test_a_center_without_points_moves_to_the_farthest_point(generator: Generator) -> None:
    points, means = groups(generator)
    away = torch.full((1, 3), 1e3)  # no point is near it
    found = lloyd(points, torch.cat([means[:7], away]), 100)
    torch.testing.assert_close(found, means)


def test_the_start_is_drawn_by_squared_distance(generator: Generator) -> None:
    """Of points at 0 (often), 1 and 3, after 0 the chances are 0, 1/10 and 9/10."""
    points = torch.tensor([0.0] * 1000 + [1.0, 3.0]).unsqueeze(1)
    starts = [start_of_kmeans(points, 2, generator).flatten().tolist() for _ in range(400)]
    second = [after for first, after in starts if first == 0]
    assert len(second) > 390 and 0.0 not in second
    assert 0.85 < second.count(3.0) / len(second) < 0.95


def test_few_or_equal_points(generator: Generator) -> None:
    points = torch.randn(3, 4, generator=generator)
    assert torch.equal(kmeans(points, 5), points)
    assert torch.equal(kmeans(torch.ones(20, 4), 5, generator), torch.ones(5, 4))
    with pytest.raises(InputError, match="k is 0; it must be"):
        kmeans(points, 0)
    for wrong in (points[None], points.long()):
        with pytest.raises(InputError, match=r"points must be floating point and \(M, C\), not"):
            kmeans(wrong, 5)


def test_a_seed_determines_it(generator: Generator) -> None:
    points = torch.randn(200, 4, generator=generator)
    first, again = (kmeans(points, 6, Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
