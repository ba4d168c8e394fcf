"""Colors for parts that color-blind people can tell apart, too."""

from collections.abc import Sequence
from itertools import count

import torch
from torch import Tensor

from pcea.errors import checked

# The colors of Okabe and Ito without black, which is invisible on a dark background and hides the
# shading of a surface. The eighth is Paul Tol's wine, which is darker than all others.
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
# How much white (above 0) or black (below 0) is added to the base colors. The steps follow van der
# Corput's sequence, whose values fall between the earlier ones: binary digits are reversed.
TINTS = [1.3 * (int(f"{step:07b}"[::-1], 2) / 128 - 0.5) for step in range(1, 65)]


def palette(num: int) -> Tensor:
    """Give (P, 3) uint8 colors: eight that anybody can tell apart, then darker and lighter ones.

    The first 512 colors differ, and a longer palette begins with the shorter one. Source: Okabe
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
        parts_of: the part ids of each category. Default: one category has all parts.

    Returns:
        (P, 3) uint8; parts that are never in the same category may share a color.
    """
    groups = parts_of or [range(num)]
    chosen: list[int] = []
    for part in range(num):
        taken = {chosen[other] for ids in groups if part in ids for other in ids if other < part}
        chosen.append(next(color for color in count() if color not in taken))
    return palette(max(chosen, default=-1) + 1)[torch.tensor(chosen, dtype=torch.long)]
