"""Where a cloud lies and how large it is, made the same for all."""

from __future__ import annotations

import torch
from torch import Tensor


def unit_sphere(pos: Tensor, mask: Tensor | None = None) -> Tensor:
    """Move a cloud's centroid to the origin and scale its farthest point to distance 1.

    Args:
        pos: (…, N, 3) positions, in any unit.
        mask: (…, N) bool, true at real points. Default: all are real.

    Returns:
        (…, N, 3) positions; padding becomes 0, and so does a cloud whose points are all equal.
    """
    if mask is None:
        mask = torch.ones(pos.shape[:-1], dtype=torch.bool, device=pos.device)
    keep = mask.unsqueeze(-1)
    count = keep.sum(-2, keepdim=True).clamp(min=1)
    centroid = (pos * keep).sum(-2, keepdim=True) / count
    centred = (pos - centroid) * keep
    radius = centred.norm(dim=-1, keepdim=True).amax(-2, keepdim=True)  # (…, 1, 1)
    # Rounding leaves equal points a few ulps apart after the centroid is taken off.
    smallest = torch.finfo(pos.dtype).eps * 16 * centroid.abs().amax(-1, keepdim=True)
    return torch.where(radius > smallest, centred / radius.clamp(min=1e-30), 0.0)
