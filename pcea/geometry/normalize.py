"""Where a cloud lies and how large it is, made the same for all."""

from __future__ import annotations

import torch
from torch import Tensor


def unit_sphere(pos: Tensor, mask: Tensor | None = None) -> Tensor:
    """Move a cloud's centroid to the origin and scale its farthest point to distance 1.

    The arithmetic is float64 where the device has it: the centroid of a cloud far from zero needs
    digits that float32 has not, and without them the cloud would become one point.

    Args:
        pos: (…, N, 3) positions, in any unit.
        mask: (…, N) bool, true at real points. Default: all are real.

    Returns:
        (…, N, 3) positions in the type of ``pos``, float32 where it holds whole numbers; padding
        becomes 0, and so does a cloud whose points are all equal.
    """
    # Apple's GPUs have no float64.
    wide = pos.float() if pos.device.type == "mps" else pos.double()
    if mask is None:
        centroid = wide.mean(-2, keepdim=True)  # (…, 1, 3)
        centred = wide - centroid
    else:
        keep = mask.unsqueeze(-1)
        count = keep.sum(-2, keepdim=True).clamp(min=1)
        centroid = torch.where(keep, wide, 0.0).sum(-2, keepdim=True) / count
        centred = torch.where(keep, wide - centroid, 0.0)
    radius = centred.norm(dim=-1, keepdim=True).amax(-2, keepdim=True)  # (…, 1, 1)
    # Rounding leaves equal points a few ulps apart after the centroid is taken off.
    info = torch.finfo(wide.dtype)
    smallest = info.eps * 16 * centroid.abs().amax(-1, keepdim=True)
    scaled = torch.where(radius > smallest, centred / radius.clamp(min=info.tiny), 0.0)
    return scaled.to(pos.dtype if pos.is_floating_point() else torch.float32)
