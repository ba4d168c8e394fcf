"""Farthest point sampling and nearest neighbors: what is compared."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from pcea.benchmarks import geometry_peers as peers
from pcea.benchmarks.measure import Call, Contest, Contestant
from pcea.benchmarks.plain_geometry import (
    plain_farthest_points,
    plain_neighbors,
    usual_farthest_points,
)
from pcea.geometry import farthest_point_sample, gather, knn

# Three subtractions, three squares, two additions.
OPERATIONS_A_PAIR = 8
# Clouds of this size on have every point for a query, and few centers.
LARGE = 1 << 14
LARGE_SIZES = ((4, 1 << 14), (1, 1 << 17), (1, 1_000_000))


def surface_points(batch: int, num: int, device: torch.device | str = "cpu") -> Tensor:
    """Points on ellipsoids, which are surfaces as the field's clouds are.

    Args:
        batch: how many clouds B.
        num: points N of each.
        device: where to put them.

    Returns:
        (B, N, 3) positions, the same for the same numbers.
    """
    generator = torch.Generator().manual_seed(batch * num)
    pos = torch.randn(batch, num, 3, generator=generator)
    axes = 0.3 + 0.7 * torch.rand(batch, 1, 3, generator=generator)
    return (pos / pos.norm(dim=-1, keepdim=True) * axes).to(device)


def geometry_contests(
    batch: int, num_points: int, k: int, device: torch.device, large: bool = False
) -> Iterator[Contest]:
    """What ``pcea bench geometry`` measures.

    Args:
        batch: clouds B.
        num_points: points N of each. Half of them are chosen as centers, of large clouds 1,024;
            neighbors are looked for from the centers, of large clouds from every point.
        k: neighbors of each.
        device: where.
        large: whether to go on with larger clouds, up to a million points.
    """
    for clouds, points in ((batch, num_points), *(LARGE_SIZES if large else ())):
        num = 1024 if points >= LARGE else max(1, points // 2)
        yield farthest_points(clouds, points, num, device)
        yield neighbors(clouds, points, points if points >= LARGE else num, min(k, points), device)


def farthest_points(batch: int, total: int, num: int, device: torch.device) -> Contest:
    """Choosing ``num`` of N points, batch B."""
    work = float(OPERATIONS_A_PAIR * batch * num * total)

    def entry(name: str, call: Callable[..., Tensor], **more: object) -> Contestant:
        build = partial(_sampler, call, batch, total, num, device)
        return Contestant(name, build, work=work, **more)  # type: ignore[arg-type]

    contestants = [
        entry("plain loop", plain_farthest_points, kind="plain"),
        entry("the field's loop", usual_farthest_points, kind="plain"),
        entry("pcea", farthest_point_sample, kind="ours"),
        entry("torch-geometric, torch-pointcloud", peers.geometric_farthest_points),
    ]
    if device.type == "cpu":
        contestants += [
            entry("fpsample, exact", peers.fpsample_exact),
            entry("fpsample, k-d buckets", peers.fpsample_buckets, bounded=False),
            entry("Open3D", peers.open3d_farthest_points),
        ]
    return Contest(
        f"Farthest points: {num:,} of {total:,}, batch {batch}",
        contestants,
        reference="plain loop",
        items=batch,
        agree=same_points,
        agreement="same points",
        size=total,
    )


def neighbors(batch: int, total: int, queries: int, k: int, device: torch.device) -> Contest:
    """Finding the k nearest of N points from M of them, batch B."""
    work = float(OPERATIONS_A_PAIR * batch * queries * total)

    def entry(name: str, call: Callable[..., Tensor], **more: object) -> Contestant:
        build = partial(_searcher, call, batch, total, queries, k, device)
        return Contestant(name, build, work=work, **more)  # type: ignore[arg-type]

    contestants = [
        entry("cdist and topk", plain_neighbors, kind="plain", holds=4 * batch * queries * total),
        entry("pcea", knn, kind="ours", bounded=False),
        entry("torch-geometric, torch-pointcloud", peers.geometric_neighbors, bounded=False),
    ]
    if device.type == "cpu":
        contestants += [
            entry("SciPy, k-d tree", peers.scipy_neighbors, bounded=False),
            entry("Open3D", peers.open3d_neighbors, bounded=False),
        ]
    return Contest(
        f"Neighbors: the {k} nearest of {total:,} from {queries:,} of them, batch {batch}",
        contestants,
        reference="cdist and topk",
        items=batch,
        agree=same_indices,
        agreement="same indices",
        size=total,
    )


def same_indices(found: Tensor, expected: Tensor) -> float:
    """The share of equal entries of two tensors of indices."""
    return (found.to(expected.device) == expected).float().mean().item()


def same_points(found: Tensor, expected: Tensor) -> float:
    """The share of the expected indices (B, num) that were found, in whatever order."""
    pairs = zip(found.tolist(), expected.tolist(), strict=True)
    shared = sum(len(set(own) & set(wanted)) for own, wanted in pairs)
    return shared / expected.numel()


def _sampler(
    sample: Callable[[Tensor, int], Tensor], batch: int, total: int, num: int, device: torch.device
) -> Call:
    return partial(sample, surface_points(batch, total, device), num)


def _searcher(
    search: Callable[[Tensor, Tensor, int], Tensor],
    batch: int,
    total: int,
    queries: int,
    k: int,
    device: torch.device,
) -> Call:
    pos = surface_points(batch, total, device)
    # Evenly spread, as centers are; their order is no help to an index.
    generator = torch.Generator().manual_seed(queries)
    order = torch.stack([torch.randperm(total, generator=generator) for _ in range(batch)])
    query = gather(pos, order[:, :queries].to(device)) if queries < total else pos
    return partial(search, query, pos, k)
