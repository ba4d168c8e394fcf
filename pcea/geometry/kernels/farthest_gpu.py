"""Farthest point sampling in Triton: a program a cloud, its points in registers throughout.

Squared distances are kept as the whole numbers that their bits are, which order alike, and in which
NaN can stand above all else, as torch's maximum has it.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

# Four numbers a point: beyond this, a program's registers do not hold them.
MOST_POINTS = 8192
# How many points a thread looks after.
_POINTS_PER_THREAD = 4


def takes(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> bool:
    """Say whether these are positions that the kernel is right for: (B, N, 3) float32, N small."""
    return pos.dtype == torch.float32 and pos.shape[-1] == 3 and pos.shape[1] <= MOST_POINTS


def farthest_points(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> Tensor:
    """Do what :func:`pcea.geometry.sampling.farthest_points_by_steps` does."""
    batch, total = pos.shape[:2]
    chosen = torch.empty(batch, num, dtype=torch.long, device=pos.device)
    if not batch:
        return chosen
    size = triton.next_power_of_2(total)
    with torch.cuda.device_of(pos):
        _choose[(batch,)](
            pos.detach().contiguous(),
            first.contiguous(),
            first if mask is None else mask.contiguous().view(torch.uint8),
            chosen,
            total,
            num,
            padded=mask is not None,
            size=size,
            num_warps=min(max(size // (32 * _POINTS_PER_THREAD), 1), 32),
            # Each operation rounds, as torch's do.
            enable_fp_fusion=False,
        )
    return chosen


@triton.jit
def _choose(pos, first, mask, chosen, total, num, padded: tl.constexpr, size: tl.constexpr):  # type: ignore[no-untyped-def]
    cloud = tl.program_id(0).to(tl.int64)
    pos += cloud * total * 3
    point = tl.arange(0, size)
    inside = point < total
    x = tl.load(pos + point * 3, inside, 0.0)  # (size,)
    y = tl.load(pos + point * 3 + 1, inside, 0.0)
    z = tl.load(pos + point * 3 + 2, inside, 0.0)
    # Infinity's bits; padding is nearer than any real point, what fills the tile nearer still.
    distance = tl.where(inside, 0x7F800000, -2)
    if padded:
        real = tl.load(mask + cloud * total + point, inside, 1)
        distance = tl.where(real == 0, -1, distance)
    last = tl.load(first + cloud)
    for step in range(num):
        tl.store(chosen + cloud * num + step, last)
        dx = x - tl.load(pos + last * 3)
        dy = y - tl.load(pos + last * 3 + 1)
        dz = z - tl.load(pos + last * 3 + 2)
        squared = dx * dx + dy * dy + dz * dz
        bits = tl.minimum(distance, squared.to(tl.int32, bitcast=True))
        lost = inside & ((squared != squared) | (distance == 0x7FFFFFFF))
        distance = tl.where(lost, 0x7FFFFFFF, bits)
        last = tl.argmax(distance, 0, tie_break_left=True).to(tl.int64)
