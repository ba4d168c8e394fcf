"""Clusters of points, or of features of any width, by k-means."""

import torch
from torch import Generator, Tensor

from pcea.errors import InputError, checked


@checked(k=1, rounds=1)
@torch.no_grad()
def kmeans(points: Tensor, k: int, generator: Generator | None = None, rounds: int = 25) -> Tensor:
    """Find k centers to which points are near, by Lloyd's algorithm from a k-means++ start.

    A center without points moves to the point that is farthest from its own center. On one device,
    the result depends only on the points, k and the generator.

    Args:
        points: (M, C), floating point.
        k: number of centers; if there are fewer points, each of them is a center.
        generator: draws the start, on the CPU. Default: torch's own.
        rounds: the largest number of rounds; there are fewer if no point changes its center.

    Returns:
        (min(k, M), C) centers.

    Raises:
        InputError: the points are not (M, C) or not floating point.

    Source:
        Lloyd, Least Squares Quantization in PCM; Arthur and Vassilvitskii, k-means++.
    """
    if points.dim() != 2 or not points.is_floating_point():
        raise InputError(
            "points must be floating point and (M, C), "
            f"not {points.dtype} and {tuple(points.shape)}"
        )
    if len(points) <= k:
        return points.clone()
    mean = points.mean(0)  # distances of points far from zero would lose their digits
    points = points - mean
    return lloyd(points, start_of_kmeans(points, k, generator), rounds) + mean


def start_of_kmeans(points: Tensor, k: int, generator: Generator | None = None) -> Tensor:
    """Choose k of the points (M, C) as the first centers, (k, C), by k-means++.

    After the first, each is drawn with a probability that is proportional to its squared distance
    from the nearest one that was chosen before.
    """
    draws = torch.rand(k, generator=generator, dtype=torch.float64).tolist()
    chosen = [int(draws[0] * len(points))]
    nearest = _squared(points, points[chosen]).squeeze(1)
    for draw in draws[1:]:
        reached = nearest.cpu().double().cumsum(0)
        index = int(torch.searchsorted(reached, draw * reached[-1], right=True))
        chosen.append(min(index, len(points) - 1))
        nearest = torch.minimum(nearest, _squared(points, points[chosen[-1:]]).squeeze(1))
    return points[chosen]


def lloyd(points: Tensor, centers: Tensor, rounds: int) -> Tensor:
    """Move each of the centers (k, C) to the mean of its points, until nothing changes."""
    before = None
    for _ in range(rounds):
        distance, own = _squared(points, centers).min(1)  # (M,)
        if before is not None and torch.equal(own, before):
            break
        before = own
        # A matrix product adds in the same order each time, which scatter_add on a GPU does not.
        member = torch.nn.functional.one_hot(own, len(centers)).to(points.dtype)  # (M, k)
        count = member.sum(0)
        empty = (count == 0).nonzero().squeeze(1)
        centers = (member.T @ points) / count.clamp(min=1).unsqueeze(1)
        centers[empty] = points[distance.topk(len(empty)).indices]
    return centers


def _squared(points: Tensor, centers: Tensor) -> Tensor:
    """Compute the squared distances, (M, k), without a tensor of the differences."""
    norms = points.square().sum(1, keepdim=True) + centers.square().sum(1)
    return torch.addmm(norms, points, centers.T, alpha=-2).clamp_(min=0)
