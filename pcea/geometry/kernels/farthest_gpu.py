"""Farthest point sampling in Triton: one program per cloud, with all its points in registers.

Squared distances are stored as the integers with the same bits, which have the same order, and in
which NaN is the largest value, as in torch's maximum.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

# With four numbers per point, the registers of a program cannot hold more.
MOST_POINTS = 8192
# Points per thread.
_POINTS_PER_THREAD = 4


def takes(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> bool:
    """Tell whether the kernel can take these positions: (B, N, 3) float32, N at most 8192."""
    return pos.dtype == torch.float32 and pos.shape[-1] == 3 and pos.shape[1] <= MOST_POINTS


def farthest_points(pos: Tensor, num: int, first: Tensor, mask: Tensor | None) -> Tensor:
    """Compute :func:`pcea.geometry.sampling.farthest_points_by_steps`."""
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
            # Round after each operation, as torch does.
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
    # The bits of infinity; −1 is below any real point, and −2 (after the last point) below padding.
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
