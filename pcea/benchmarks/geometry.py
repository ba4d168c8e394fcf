"""The contests of farthest point sampling and of nearest neighbors."""

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
# From this size on, every point of a cloud is a query, and only 1,024 centers are sampled.
LARGE = 1 << 14
LARGE_SIZES = ((4, 1 << 14), (1, 1 << 17), (1, 1_000_000))


def surface_points(batch: int, num: int, device: torch.device | str = "cpu") -> Tensor:
    """Draw (B, N, 3) points on ellipsoids, always the same for the same sizes."""
    generator = torch.Generator().manual_seed(batch * num)
    pos = torch.randn(batch, num, 3, generator=generator)
    axes = 0.3 + 0.7 * torch.rand(batch, 1, 3, generator=generator)
    return (pos / pos.norm(dim=-1, keepdim=True) * axes).to(device)


def geometry_contests(
    batch: int, num_points: int, k: int, device: torch.device, large: bool = False
) -> Iterator[Contest]:
    """Make the contests of ``pcea bench geometry``.

    Args:
        batch: clouds B.
        num_points: points N per cloud. Half of them are sampled as centers, whose neighbors are
            searched; of a large cloud, 1,024 are sampled, and the neighbors of all points searched.
        k: neighbors per query.
        device: the device to measure on.
        large: whether to measure larger clouds as well, up to a million points.
    """
    for clouds, points in ((batch, num_points), *(LARGE_SIZES if large else ())):
        num = 1024 if points >= LARGE else max(1, points // 2)
        yield farthest_points(clouds, points, num, device)
        yield neighbors(clouds, points, points if points >= LARGE else num, min(k, points), device)


def farthest_points(batch: int, total: int, num: int, device: torch.device) -> Contest:
    """Make the contest of sampling ``num`` of N points, batch B."""
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
    """Make the contest of finding the k nearest of N points to M queries, batch B."""
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
    """Compute the share of equal entries of two tensors of indices."""
    return (found.to(expected.device) == expected).float().mean().item()


def same_points(found: Tensor, expected: Tensor) -> float:
    """Compute the share of the expected indices (B, num) that were found, in any order."""
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
    # Evenly distributed, as centers are, and in random order, which does not help an index.
    generator = torch.Generator().manual_seed(queries)
    order = torch.stack([torch.randperm(total, generator=generator) for _ in range(batch)])
    query = gather(pos, order[:, :queries].to(device)) if queries < total else pos
    return partial(search, query, pos, k)
