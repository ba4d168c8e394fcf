"""Colors for parts that the color-blind tell apart, too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import torch
from torch import Tensor

# Black is left out: on a dark ground it is no color, and on a shaded surface it hides the shape.
OKABE_ITO = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
# The eighth, Paul Tol's wine, is darker than all others.
BASE = (*OKABE_ITO, (136, 34, 85))
WHITE, BLACK = 255.0, 20.0


def palette(num: int) -> Tensor:
    """Give (P, 3) uint8 colors: eight that differ for everybody, then darker and lighter ones.

    The first 512 are no two alike, and a longer palette begins with the shorter one. Source: Okabe
    and Ito, *Color Universal Design*, 2008; Tol, *Colour schemes*, 2021.
    """
    base = torch.tensor(BASE)  # (8, 3)
    tint = torch.tensor([_tint(step) for step in range(1, 65)]).view(-1, 1, 1)
    end = torch.where(tint > 0, WHITE, BLACK)
    colors = (base + tint.abs() * (end - base)).round().to(torch.uint8).flatten(0, 1)  # (512, 3)
    return colors[torch.arange(num) % len(colors)]


def part_colors(num: int, parts_of: Sequence[Sequence[int]] = ()) -> Tensor:
    """Give each of P parts a color; parts of one category get the colors that differ most.

    Args:
        num: P.
        parts_of: the part ids of each category. Default: all parts are of one.

    Returns:
        (P, 3) uint8; parts that no category has in common may share a color.
    """
    groups = parts_of or [range(num)]
    rivals: list[set[int]] = [set() for _ in range(num)]
    for ids in groups:
        for part in ids:
            rivals[part].update(ids)
    chosen: list[int] = []
    for part in range(num):
        taken = {chosen[rival] for rival in rivals[part] if rival < part}
        chosen.append(next(color for color in count() if color not in taken))
    return palette(max(chosen, default=-1) + 1)[torch.tensor(chosen, dtype=torch.long)]


def _tint(step: int) -> float:
    """How far to go to white (above 0) or black (below), each step between those before it.

    The digits of the step are mirrored at the binary point: van der Corput's sequence.
    """
    share, digit = 0.0, 0.5
    while step:
        share, step, digit = share + digit * (step & 1), step >> 1, digit / 2
    return 1.3 * (share - 0.5)
