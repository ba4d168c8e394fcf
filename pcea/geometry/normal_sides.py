"""Tell whether the normals of a cloud are all on the same side of its surface."""

import numpy as np
import torch
from torch import Tensor

from pcea.geometry.estimated_normals import AXES, neighborhoods
from pcea.geometry.kernels.compiled import Array
from pcea.geometry.kernels.sky_cpu import open_sky

# The open sky from which a point's outside is clear; at 0.5, it is open on one side only.
CLEAR = 0.4
# Fewer points with a clear outside tell nothing.
FEWEST = 80
# How many neighbors tell how noisy a surface is, the cosine to the normals of those that face the
# same way, and how thick noise makes the surface, in median distances of these from its plane.
AROUND, ALIKE, SPREAD = 8, 0.9, 9.0


@torch.no_grad()
def opposite_sides(pos: Tensor, normal: Tensor, mask: Tensor | None = None) -> Tensor:
    """Measure how many of a cloud's normals are on the other side of its surface than the rest.

    It looks at points whose outside is clear: along one side of the surface, nearly all lines of
    sight pass the other points; along the other, nearly none do. Some of their normals point to the
    clear outside, the others away from it; the smaller of the two shares is the result. It is near
    0 if the normals are consistent, outward or inward, and near one half if their signs are random.
    Near neighbors that face the same way are the same surface, spread by noise; those that face the
    other way are the other side of a wall.
    docs/models.md has measured shares.

    Scale and place do not matter. The computation uses float64 on the CPU, in one thread.

    Args:
        pos: (B, N, 3) finite positions in any unit, on any device. Thin walls need about 2,000.
        normal: (B, N, 3) unit normals, zero where unknown.
        mask: (B, N) bool, true at real points. Default: all are real.

    Returns:
        (B,) float32 shares, 0 to 0.5, on the CPU; 0 for a cloud in which the outside of fewer than
        80 points is clear, such as a flat sheet.
    """
    wide, direction = pos.detach().cpu().double().numpy(), normal.detach().cpu().double().numpy()
    real = np.ones(wide.shape[:2], bool) if mask is None else mask.cpu().numpy()
    each = zip(wide, direction, real, strict=True)
    return torch.tensor([_of_cloud(one[kept], its[kept]) for one, its, kept in each])


def _of_cloud(pos: Array, normal: Array) -> float:
    # Repeated points would make the disks too small.
    pos, first = np.unique(pos, axis=0, return_index=True)
    if len(pos) < FEWEST:
        return 0.0
    normal = normal[first]
    pos, index, radius = neighborhoods(pos, AROUND + 1)
    sky = np.zeros(len(pos))
    open_sky(pos, normal, AXES, radius, sky, SPREAD * _noise(pos, normal, index[:, 1:]))
    clear = np.abs(sky) > CLEAR
    if clear.sum() < FEWEST:
        return 0.0
    inside = float((sky[clear] < 0).mean())
    return min(inside, 1 - inside)


def _noise(pos: Array, normal: Array, index: Array) -> float:
    """The median distance from a point's plane of its neighbors (N, k) that face the same way."""
    likeness = np.einsum("nkc,nc->nk", normal[index], normal)
    height = np.einsum("nkc,nc->nk", pos[index] - pos[:, None], normal)
    beside = np.abs(height[likeness > ALIKE])
    return float(np.median(beside)) if len(beside) else 0.0
