"""Colors for parts that the color-blind tell apart, too."""

from collections.abc import Sequence
from itertools import count

import torch
from torch import Tensor

from pcea.errors import checked

# Okabe's and Ito's without black, which on a dark ground is no color and on a shaded surface hides
# the shape. The eighth, Paul Tol's wine, is darker than all others.
BASE = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (136, 34, 85),
)
WHITE, BLACK = 255.0, 20.0
# How far to go to white (above 0) or black (below), each step between those before it: a step's
# digits are mirrored at the binary point, which is van der Corput's sequence.
TINTS = [1.3 * (int(f"{step:07b}"[::-1], 2) / 128 - 0.5) for step in range(1, 65)]


def palette(num: int) -> Tensor:
    """Give (P, 3) uint8 colors: eight that differ for everybody, then darker and lighter ones.

    The first 512 are no two alike, and a longer palette begins with the shorter one. Source: Okabe
    and Ito, *Color Universal Design*, 2008; Tol, *Colour schemes*, 2021.
    """
    base = torch.tensor(BASE)  # (8, 3)
    tint = torch.tensor(TINTS).view(-1, 1, 1)
    end = torch.where(tint > 0, WHITE, BLACK)
    colors = (base + tint.abs() * (end - base)).round().to(torch.uint8).flatten(0, 1)  # (512, 3)
    return colors[torch.arange(num) % len(colors)]


@checked(num=0)
def part_colors(num: int, parts_of: Sequence[Sequence[int]] = ()) -> Tensor:
    """Give each of P parts a color; parts of one category get the colors that differ most.

    Args:
        num: P.
        parts_of: the part ids of each category. Default: all parts are of one.

    Returns:
        (P, 3) uint8; parts that no category has in common may share a color.
    """
    groups = parts_of or [range(num)]
    chosen: list[int] = []
    for part in range(num):
        taken = {chosen[other] for ids in groups if part in ids for other in ids if other < part}
        chosen.append(next(color for color in count() if color not in taken))
    return palette(max(chosen, default=-1) + 1)[torch.tensor(chosen, dtype=torch.long)]
