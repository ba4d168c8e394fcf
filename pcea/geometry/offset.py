"""The large common part of coordinates far from zero, which float32 has no digits for."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# How many times its own size a shape may lie from zero before its offset is taken off. Up to
# there, float32 places a point to a millionth of the shape's size.
FAR = 8.0


def choose_offset(pos: Tensor) -> Tensor:
    """Choose what to subtract from positions before they become float32.

    Map coordinates are millions of meters, float32 has seven digits, and a tree would lie on a
    grid of half a meter. Most shapes lie near zero, and theirs is 0.

    Args:
        pos: (N, 3) finite positions in any unit, float64.

    Returns:
        (3,) float64, near the middle of the shape's box: a multiple of a power of two, so that
        subtracting it rounds nothing; 0 where the shape lies within 8 times its size of zero.
    """
    zero = torch.zeros(3, dtype=torch.float64, device=pos.device)
    if not len(pos):
        return zero
    low, high = pos.amin(0), pos.amax(0)
    size = float((high - low).max())
    reach = float(torch.maximum(low.abs(), high.abs()).max())
    if size <= 0 or reach <= FAR * size or not math.isfinite(size):
        return zero
    step = 2.0 ** math.floor(math.log2(size))
    return ((low / 2 + high / 2) / step).round() * step
