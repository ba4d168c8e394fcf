"""Farthest point sampling."""

import torch
from torch import Tensor

from pcea.geometry.kernels import with_kernels


@torch.no_grad()
def farthest_point_sample(
    pos: Tensor, num: int, mask: Tensor | None = None, start: int = 0
) -> Tensor:
    """Choose points one by one, each the farthest from all chosen ones, ties by the lower index.

    For points (B, N, 3), returns indices into N, (B, num) int64, in the order of choice. Where
    ``mask`` (B, N) is false, a point is never chosen; a cloud with fewer than ``num`` real points
    repeats its first one. ``start`` is the index of the first one among the real points. Source:
    Eldar et al., *The farthest point strategy for progressive image sampling*, 1997.
    """
    batch, total = pos.shape[:2]
    if not 1 <= num <= total:
        raise ValueError(f"cannot choose {num} of {total} points")
    if not 0 <= start < total:
        raise ValueError(f"start must lie in 0..{total - 1}, not {start}")
    first = torch.full((batch, 1), start, dtype=torch.long, device=pos.device)
    if mask is not None:
        first = (mask.cumsum(1) == start + 1).long().argmax(1, keepdim=True)
    return _farthest_points(pos, num, first, mask)


def farthest_points_by_steps(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> Tensor:
    """Choose farthest points in plain torch; every kernel must give the same indices.

    ``first`` (B, 1) int64 is the index of the first point.
    """
    # Contiguous coordinates are twice as fast as (B, N, 3).
    planes = [plane.contiguous() for plane in pos.unbind(-1)]  # 3 x (B, N)
    distance = torch.full_like(planes[0], torch.inf)
    if mask is not None:
        # Padding is nearer than any real point, so it is never the maximum.
        distance.masked_fill_(~mask, -1.0)
    chosen, last = [], first
    for _ in range(num):
        chosen.append(last)
        squared = torch.zeros_like(distance)
        for plane in planes:
            squared.add_((plane - plane.gather(1, last)).square_())
        torch.minimum(distance, squared, out=distance)
        last = distance.argmax(1, keepdim=True)
    return torch.cat(chosen, dim=1)  # (B, num)


def _no_points(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> Tensor:
    return first.new_empty(pos.shape[0], num)


_farthest_points = with_kernels("farthest", "farthest_points", farthest_points_by_steps, _no_points)
