"""The order of points along a Hilbert curve: points near in this order are near in space."""

import torch
from torch import Tensor

# 2^21 cells along each axis, the most whose places on the curve fit into an int64.
_LEVELS = 21
# The octants of a cube in the order of the curve, as bits zyx; each differs from the next in one
# bit. The curve enters each octant at a corner and leaves it along an axis.
_OCTANT = 0, 1, 3, 2, 6, 7, 5, 4
_CORNER = 0, 0, 0, 3, 3, 6, 6, 5
_AXIS = 0, 1, 1, 2, 2, 1, 1, 0


@torch.no_grad()
def hilbert_order(pos: Tensor, mask: Tensor | None = None) -> Tensor:
    """Sort the points (B, N, 3) of each cloud along a Hilbert curve: indices (B, N) int64.

    The curve fills the smallest cube around the real points, in cells of 2⁻²¹ of its side; points
    of one cell keep their order. Points with a false ``mask`` (B, N) come last.
    """
    padding = torch.zeros_like(pos[..., :1], dtype=torch.bool) if mask is None else ~mask[..., None]
    pos = pos.to(torch.promote_types(pos.dtype, torch.float32))
    low = pos.masked_fill(padding, torch.inf).amin(1, keepdim=True)  # (B, 1, 3)
    high = pos.masked_fill(padding, -torch.inf).amax(1, keepdim=True)
    side = (high - low).amax(-1, keepdim=True).clamp(min=torch.finfo(pos.dtype).tiny)
    # No point gets the last cell of the curve, whose place is that of the padding.
    cell = ((pos - low) / side * (2**_LEVELS - 2)).masked_fill(padding, 0.0).long()  # (B, N, 3)
    place = hilbert_index(cell).masked_fill(padding[..., 0], 8**_LEVELS - 1)
    return place.argsort(dim=1, stable=True)


def hilbert_index(cell: Tensor) -> Tensor:
    """Return the places on the curve, (…) int64, of cells (…, 3) of a cube of 2²¹ cells per axis.

    Cells that follow each other share a face, and the curve passes all cells of each cube of 2ⁿ
    cells per axis before it leaves it. Source: Hamilton, *Compact Hilbert Indices*, Dalhousie
    CS-2006-07.
    """
    # Put two zeros between the bits of each coordinate, then interleave the three.
    for shift, bits in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        cell = (cell | cell << shift) & bits
    octants = cell[..., 0] | cell[..., 1] << 1 | cell[..., 2] << 2
    table = _TABLE.to(cell.device)
    place, state = torch.zeros_like(octants), torch.zeros_like(octants)
    for shift in range(3 * _LEVELS - 9, -1, -9):
        entry = table[state | octants >> shift & 511]
        place, state = place << 9 | entry & 511, entry & ~511
    return place


def _make_table() -> Tensor:
    """Tabulate the curve for three levels: 512 · state + octants → 512 · next state + place.

    A state is the corner at which the curve enters a cube, and the axis along which it leaves it.
    """

    def turn(bits: int, axis: int) -> int:
        """Rotate the bits of the three axes from a curve that leaves along axis 2 to this axis."""
        return (bits << axis + 1 | bits >> 2 - axis) & 7

    states, one_level = [(0, 2)], []
    for corner, axis in states:  # new states are appended meanwhile
        entries = [0] * 8
        for place in range(8):
            inside = corner ^ turn(_CORNER[place], axis), (axis + _AXIS[place] + 1) % 3
            if inside not in states:
                states.append(inside)
            octant = corner ^ turn(_OCTANT[place], axis)
            entries[octant] = 8 * states.index(inside) + place
        one_level += entries
    octants, table = torch.arange(512), torch.tensor(one_level)
    places, state = torch.zeros(512, dtype=torch.int64), 8 * torch.arange(len(states)).unsqueeze(1)
    for shift in (6, 3, 0):
        entry = table[state | octants >> shift & 7]
        places, state = places << 3 | entry & 7, entry & ~7
    return (state << 6 | places).flatten()


_TABLE = _make_table()
