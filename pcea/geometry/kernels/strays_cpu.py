"""How far points are from their neighbors, compiled."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from pcea.geometry.kernels.compiled import Array, compiled
from pcea.parallel import parallel_for


def takes(pos: Tensor, near: Tensor, k: int) -> bool:
    """Tell whether the loops below can take these positions: float32."""
    return pos.dtype == torch.float32


def spacings(pos: Tensor, near: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Compute :func:`pcea.geometry.strays.spacings_by_gather`, to within rounding."""
    spacing, middle = pos.new_empty(near.shape[:2]), pos.new_empty(near.shape[:2])
    around = pos.new_empty(near.shape)
    arrays = [each.numpy() for each in (pos.contiguous(), near, spacing, around, middle)]
    parallel_for(len(pos), partial(_spacings, *arrays, k))
    return spacing, around, middle


@compiled
def _spacings(
    pos: Array,
    near: Array,
    spacing: Array,
    around: Array,
    middle: Array,
    k: int,
    low: int,
    high: int,
) -> None:
    count = near.shape[2]
    ordered = np.empty(count, np.float32)
    for cloud in range(low, high):
        for i in range(near.shape[1]):
            total = np.float32(0)
            for j in range(k):
                other = near[cloud, i, j]
                dx = pos[cloud, other, 0] - pos[cloud, i, 0]
                dy = pos[cloud, other, 1] - pos[cloud, i, 1]
                dz = pos[cloud, other, 2] - pos[cloud, i, 2]
                total += np.sqrt(dx * dx + dy * dy + dz * dz)
            spacing[cloud, i] = total / np.float32(k)
        for i in range(near.shape[1]):
            # Sorted by insertion: there are eight.
            for j in range(count):
                value, place = spacing[cloud, near[cloud, i, j]], j
                around[cloud, i, j] = value
                while place > 0 and ordered[place - 1] > value:
                    ordered[place] = ordered[place - 1]
                    place -= 1
                ordered[place] = value
            middle[cloud, i] = ordered[(count - 1) // 2]
