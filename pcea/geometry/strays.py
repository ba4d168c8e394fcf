"""Stray points: what belongs to no surface, and a cloud without it."""

import torch
from torch import Tensor

from pcea.geometry.neighbors import gather, knn
from pcea.geometry.normalize import around_centroid, unit_sphere

# Of how many nearest points the spacing is compared with a point's own.
AROUND = 8
# How far a single stray lies from others at least, in radii of the shape, and how far many of them
# fill the space around it: docs/models.md says why.
APART, FILLED = 0.3, 2.5
# More candidates than this share are a part of the shape. Of fewer points nothing can be said.
MOST, FEWEST = 0.25, 2 * AROUND


@torch.no_grad()
def isolated_points(
    pos: Tensor, mask: Tensor | None = None, ratio: float = 2.5, k: int = 5
) -> Tensor:
    """Find stray points: those far from all others, by what is usual in the cloud and around them.

    A point's spacing is its mean distance to its ``k`` nearest points. Candidates are the points
    whose spacing is more than ``ratio`` times the cloud's median. A candidate is a stray if its
    spacing is more than 0.3 radii of the shape without the candidates, and more than ``ratio``
    times the median of its eight nearest points'; or if the candidates together fill the space
    around the shape. docs/models.md says why, and what that means. Where more than a quarter of the
    points are candidates, or there are fewer than 16 points, none is a stray. Points at the same
    place count once. Turning, moving or scaling a cloud changes nothing.

    Args:
        pos: (B, N, 3) positions, in any unit.
        mask: (B, N) bool, true at real points. Default: all are real.
        ratio: how many times the usual spacing is too much.
        k: how many nearest points a spacing is the mean of, at most eight. More strays than this
            that lie close together are taken for a part of the shape.

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
    distance = (gather(pos, near[..., :k]) - pos.unsqueeze(2)).norm(dim=-1)  # (B, N, k)
    spacing = distance.mean(-1)  # (B, N)
    usual = _median(spacing, distinct)  # (B, 1)
    candidate = distinct & (spacing > ratio * usual)
    count = candidate.sum(1, keepdim=True)  # (B, 1)
    points = distinct.sum(1, keepdim=True)
    around = gather(spacing.unsqueeze(-1), near).squeeze(-1)  # (B, N, 8)
    # The lower of the two middle ones.
    middle = around.topk(AROUND // 2, largest=False).values.amax(-1)  # (B, N)
    radius = around_centroid(pos, distinct & ~candidate)[2].squeeze(-1)  # (B, 1)
    alone = (spacing > APART * radius) & (spacing > ratio * middle)
    # count times the share of no candidates among the candidates' neighbors
    beside = ((around <= ratio * usual.unsqueeze(-1)).sum(-1) * candidate).sum(1, keepdim=True)
    times = _median(spacing, candidate) / usual.clamp(min=1e-30)
    fills = beside / AROUND * times**3 > FILLED * (points - count)
    few = (points >= FEWEST) & (count <= MOST * points)
    stray = candidate & few & (fills | alone)
    return mask & gather(stray.unsqueeze(-1), first).squeeze(-1)


def leave_out(pos: Tensor, strays: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Set stray points onto their nearest kept points, and scale what is kept to the unit sphere.

    A cloud without strays stays as it is, bit for bit, and so does one without any other point.

    Args:
        pos: (B, N, 3) positions, in any unit.
        strays: (B, N) bool, true at the points to leave out.
        mask: (B, N) bool, true at real points. Default: all are real.

    Returns:
        (B, N, 3) positions, in the unit sphere where something was left out; and (B, N) int64 the
        kept point that each point stands for now, its own index where it is kept itself.
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


# Two operators that save most clouds a search: whether it is needed depends on values, which a
# compiler does not know.
@torch.library.custom_op("pcea::distinct_neighbors", mutates_args=())
def _distinct_neighbors(pos: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    # (B, N) the first of the points at each point's place, itself where it is alone there; and
    # (B, N, 8) its nearest points, each place once.
    found = knn(pos, pos, AROUND + 1, mask)  # (B, N, 9)
    first = found[..., 0].clone()
    distinct = mask & (first == torch.arange(pos.shape[1], device=pos.device))
    if not torch.equal(distinct, mask):
        found = knn(pos, pos, AROUND + 1, distinct)
    return first, found[..., 1:].contiguous()


@_distinct_neighbors.register_fake
def _(pos: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    index = mask.new_empty(mask.shape, dtype=torch.long)
    return index, index.new_empty(*mask.shape, AROUND)


@torch.library.custom_op("pcea::nearest_kept", mutates_args=())
def _nearest_kept(pos: Tensor, kept: Tensor, gone: Tensor) -> Tensor:
    # (B, N) the nearest kept point of those that are gone, and every other point itself.
    index = torch.arange(pos.shape[1], device=pos.device).repeat(len(pos), 1)
    most = int(gone.sum(1).amax()) if len(pos) else 0
    if most == 0:
        return index
    rows = gone.int().topk(most).indices  # (B, most), the gone of each cloud and some others
    near = knn(gather(pos, rows), pos, 1, kept).squeeze(-1)
    return index.scatter(1, rows, torch.where(gone.gather(1, rows), near, rows))


@_nearest_kept.register_fake
def _(pos: Tensor, kept: Tensor, gone: Tensor) -> Tensor:
    return gone.new_empty(gone.shape, dtype=torch.long)


def _median(values: Tensor, mask: Tensor) -> Tensor:
    # The lower of the two middle ones, of the (B, N) values where the mask is true; of none it is
    # 0. Not torch.median, whose choice among equal values differs between runs on a GPU.
    ordered = values.masked_fill(~mask, torch.inf).sort(1).values
    count = mask.sum(1, keepdim=True)
    middle = ordered.gather(1, (count - 1).clamp(min=0) // 2)
    return torch.where(count > 0, middle, 0.0)  # (B, 1)
