"""Normalize the place and size of clouds."""

import math

import torch
from torch import Tensor

# An offset is subtracted from a shape that is farther from zero than this many times its size. Up
# to there, the error of float32 is at most a millionth of the size.
FAR = 8.0
# Some points may lie so far off that the size is theirs. Therefore this share of the points is left
# out at both ends of each axis, and the rest is measured. It may be farther from zero, because it
# may be a small part of a large shape that has most of the points, such as the head of a lamp post.
TRIMMED = ((0.05, 64.0), (0.25, 1024.0))
# How many points of a large shape are measured then.
MEASURED = 1 << 16


def unit_sphere(pos: Tensor, mask: Tensor | None = None) -> Tensor:
    """Move a cloud's centroid to the origin and scale its farthest point to distance 1.

    The computation uses float64 if the device has it: far from zero, the centroid needs more digits
    than float32 has, and with fewer digits the cloud would collapse.

    Args:
        pos: (…, N, 3) positions, in any unit.
        mask: (…, N) bool, true at real points. Default: all are real.

    Returns:
        (…, N, 3) positions in the type of ``pos``, or float32 if it has whole numbers; 0 at padding
        and in a cloud whose points are all equal.
    """
    centered, centroid, radius = around_centroid(pos, mask)
    # Rounding leaves equal points a few ulps from their centroid.
    info = torch.finfo(centered.dtype)
    smallest = info.eps * 16 * centroid.abs().amax(-1, keepdim=True)
    scaled = torch.where(radius > smallest, centered / radius.clamp(min=info.tiny), 0.0)
    return scaled.to(pos.dtype if pos.is_floating_point() else torch.float32)


def outward(pos: Tensor, normal: Tensor, mask: Tensor | None = None) -> Tensor:
    """Flip all normals of a cloud together if, taken over the cloud, they point inward.

    The sum of n · (p − centroid) decides. On a closed surface it is in proportion to the volume
    that the normals leave, by the divergence theorem, so its sign tells on which side they are.

    Args:
        pos: (…, N, 3) positions in any unit.
        normal: (…, N, 3) normals, all on the same side of the surface.
        mask: (…, N) bool, true at real points. Default: all are real.

    Returns:
        (…, N, 3) the normals or their opposites; those of a cloud for which the sum is 0 stay.
    """
    product = around_centroid(pos, mask)[0] * normal
    if mask is not None:
        product = torch.where(mask.unsqueeze(-1), product, 0.0)
    flux = product.sum((-2, -1), keepdim=True)
    return torch.where(flux < 0, -normal, normal)


def around_centroid(pos: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return positions (…, N, 3) minus their centroid, the centroid, and the largest distance.

    Padding becomes 0. All three are float64 if the device has it; the distance is (…, 1, 1).
    """
    # Apple's GPUs have no float64.
    wide = pos.float() if pos.device.type == "mps" else pos.double()
    if mask is None:
        centroid = wide.mean(-2, keepdim=True)  # (…, 1, 3)
        centered = wide - centroid
    else:
        keep = mask.unsqueeze(-1)
        count = keep.sum(-2, keepdim=True).clamp(min=1)
        centroid = torch.where(keep, wide, 0.0).sum(-2, keepdim=True) / count
        centered = torch.where(keep, wide - centroid, 0.0)
    return centered, centroid, centered.norm(dim=-1, keepdim=True).amax(-2, keepdim=True)


def choose_offset(pos: Tensor) -> Tensor:
    """Choose the offset to subtract from (N, 3) finite float64 positions on the way to float32.

    Map coordinates are millions of meters, and float32 has seven digits, so the points of a tree
    would lie on a grid of half a meter. The offset (3,) is near the center of the bounding box, or
    of that of most points if others lie far off, and a multiple of a power of two, so that the
    subtraction is exact; it is 0 for shapes near zero.
    """
    zero = torch.zeros(3, dtype=torch.float64, device=pos.device)
    if not len(pos):
        return zero
    offset = _offset_of_box(pos.amin(0), pos.amax(0), FAR)
    if offset is not None:
        return offset
    if len(pos) > MEASURED:
        generator = torch.Generator().manual_seed(0)
        pos = pos[torch.randint(len(pos), (MEASURED,), generator=generator).to(pos.device)]
    ordered = pos.sort(0).values
    for share, far in TRIMMED:
        skipped = int(share * len(pos))
        offset = _offset_of_box(ordered[skipped], ordered[-1 - skipped], far)
        if offset is not None:
            return offset
    return zero


def _offset_of_box(low: Tensor, high: Tensor, far: float) -> Tensor | None:
    """The offset for a box between two corners (3,); None if it is near zero for its size."""
    size = float((high - low).max())
    reach = float(torch.maximum(low.abs(), high.abs()).max())
    if size <= 0 or reach <= far * size or not math.isfinite(size):
        return None
    step = 2.0 ** math.floor(math.log2(size))
    return ((low / 2 + high / 2) / step).round() * step
