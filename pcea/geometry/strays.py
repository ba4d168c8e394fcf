"""Find stray points, which belong to no surface, and leave them out of a cloud."""

import torch
from torch import Tensor

from pcea.geometry.kernels import by_kernel
from pcea.geometry.neighbors import gather, knn
from pcea.geometry.normalize import around_centroid, unit_sphere
from pcea.operators import operator

# A point's spacing is compared with that of this many nearest points.
AROUND = 8
# The least spacing of a single stray, in radii of the shape, and the threshold for strays that fill
# the space around the shape; docs/models.md explains both.
APART, FILLED = 0.3, 2.5
# If more points than this share are candidates, or a cloud has too few points, none is a stray.
MOST, FEWEST = 0.25, 2 * AROUND


@torch.no_grad()
def isolated_points(
    pos: Tensor, mask: Tensor | None = None, ratio: float = 2.5, k: int = 5
) -> Tensor:
    """Find stray points, whose distance from other points is unusual for the cloud.

    A point's spacing is its mean distance to its ``k`` nearest points. Candidates are the points
    whose spacing is more than ``ratio`` times the cloud's median. A candidate is a stray if its
    spacing is more than 0.3 radii of the shape without the candidates, and more than ``ratio``
    times the median of its eight nearest points'; or if the candidates together fill the space
    around the shape, as docs/models.md explains. If more than a quarter of the points are
    candidates, or there are fewer than 16 points, none is a stray. Points at the same place count
    once. Rotating, moving or scaling a cloud changes nothing.

    Args:
        pos: (B, N, 3) positions, in any unit.
        mask: (B, N) bool, true at real points. Default: all are real.
        ratio: the limit of a spacing, relative to the usual one.
        k: number of nearest points whose mean distance is the spacing, at most eight. More than k
            strays that lie close together are taken for a part of the shape.

    Returns:
        (B, N) bool, true at stray points; false at padding.

    Raises:
        ValueError: ``k`` is not in 1..8.
    """
    if not 1 <= k <= AROUND:
        raise ValueError(f"cannot take the spacing from {k} neighbors: k must be in 1..{AROUND}")
    total = pos.shape[1]
    if mask is None:
        mask = torch.ones(pos.shape[:2], dtype=torch.bool, device=pos.device)
    if total < FEWEST:
        return torch.zeros_like(mask)
    pos = pos.float()
    first, near = _distinct_neighbors(pos, mask)  # (B, N), (B, N, 8)
    distinct = mask & (first == torch.arange(total, device=pos.device))
    spacing, around, middle = _spacings(pos, near, k)  # (B, N), (B, N, 8), (B, N)
    usual = _median(spacing, distinct)  # (B, 1)
    candidate = distinct & (spacing > ratio * usual)
    count = candidate.sum(1, keepdim=True)  # (B, 1)
    points = distinct.sum(1, keepdim=True)
    radius = around_centroid(pos, distinct & ~candidate)[2].squeeze(-1)  # (B, 1)
    alone = (spacing > APART * radius) & (spacing > ratio * middle)
    # count times the share of other points among the candidates' neighbors
    beside = ((around <= ratio * usual.unsqueeze(-1)).sum(-1) * candidate).sum(1, keepdim=True)
    times = _median(spacing, candidate) / usual.clamp(min=1e-30)
    fills = beside / AROUND * times**3 > FILLED * (points - count)
    few = (points >= FEWEST) & (count <= MOST * points)
    stray = candidate & few & (fills | alone)
    return mask & gather(stray.unsqueeze(-1), first).squeeze(-1)


def leave_out(pos: Tensor, strays: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Move stray points onto their nearest kept points, and scale those to the unit sphere.

    A cloud that has no strays, or nothing but strays, is returned unchanged.

    Args:
        pos: (B, N, 3) positions, in any unit.
        strays: (B, N) bool, true at the points to leave out.
        mask: (B, N) bool, true at real points. Default: all are real.

    Returns:
        (B, N, 3) positions, in the unit sphere if something was left out; and (B, N) int64, the
        index of the kept point at which each point is now, for a kept point its own.
    """
    if mask is None:
        mask = torch.ones_like(strays)
    if pos.shape[1] == 0:
        return pos, mask.long()
    kept = mask & ~strays
    gone = strays & mask & kept.any(1, keepdim=True)
    index = _nearest_kept(pos, kept, gone)  # (B, N)
    without = gather(unit_sphere(pos, kept), index)
    return torch.where(gone.any(1).view(-1, 1, 1), without, pos), index


# Operators, because whether they need a second search depends on values, on which a compiled graph
# cannot branch.
@operator("distinct_neighbors")
def _distinct_neighbors(pos: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    # Returns the first point at each point's place, (B, N), and the nearest points, each place
    # once, (B, N, 8).
    found = knn(pos, pos, AROUND + 1, mask)  # (B, N, 9)
    first = found[..., 0].clone()
    distinct = mask & (first == torch.arange(pos.shape[1], device=pos.device))
    again = (distinct != mask).any(1)  # (B,) clouds with several points at one place
    if again.any():
        found[again] = knn(pos[again], pos[again], AROUND + 1, distinct[again])
    return first, found[..., 1:].contiguous()


@_distinct_neighbors.register_fake
def _(pos: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    index = mask.new_empty(mask.shape, dtype=torch.long)
    return index, index.new_empty(*mask.shape, AROUND)


@operator("nearest_kept")
def _nearest_kept(pos: Tensor, kept: Tensor, gone: Tensor) -> Tensor:
    # Returns the nearest kept point of each gone point, and the index of every other, (B, N).
    index = torch.arange(pos.shape[1], device=pos.device).repeat(len(pos), 1)
    most = int(gone.sum(1).amax()) if len(pos) else 0
    if most == 0:
        return index
    rows = gone.int().topk(most).indices  # (B, most), all gone points and some others
    near = knn(gather(pos, rows), pos, 1, kept).squeeze(-1)
    return index.scatter(1, rows, torch.where(gone.gather(1, rows), near, rows))


@_nearest_kept.register_fake
def _(pos: Tensor, kept: Tensor, gone: Tensor) -> Tensor:
    return gone.new_empty(gone.shape, dtype=torch.long)


def spacings_by_gather(pos: Tensor, near: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Find the mean distance of each point to its nearest ones, in plain torch.

    For positions (B, N, 3) and the nearest points (B, N, 8), it returns the mean distance to the
    first ``k`` of these, (B, N), those of the eight, (B, N, 8), and their lower median, (B, N).
    """
    distance = (gather(pos, near[..., :k]) - pos.unsqueeze(2)).norm(dim=-1)  # (B, N, k)
    spacing = distance.mean(-1)
    around = gather(spacing.unsqueeze(-1), near).squeeze(-1)
    return spacing, around, around.topk(near.shape[2] // 2, largest=False).values.amax(-1)


def _no_spacings(pos: Tensor, near: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    spacing = pos.new_empty(near.shape[:2])
    return spacing, pos.new_empty(near.shape), torch.empty_like(spacing)


_spacings = operator("spacings")(spacings_by_gather)
_spacings.register_fake(_no_spacings)
_spacings.register_kernel("cpu", by_kernel("strays_cpu", "spacings", spacings_by_gather))


def _median(values: Tensor, mask: Tensor) -> Tensor:
    # The lower median of the (B, N) values with a true mask, or 0 without any. Not torch.median,
    # whose choice among equal values differs between runs on a GPU.
    ordered = values.masked_fill(~mask, torch.inf).sort(1).values
    count = mask.sum(1, keepdim=True)
    middle = ordered.gather(1, (count - 1).clamp(min=0) // 2)
    return torch.where(count > 0, middle, 0.0)  # (B, 1)
