"""Colors for values: equal steps in value look like equal steps in color."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.errors import InputError, checked, nearest
from pcea.geometry import quantile

# Maps that end in _r run from light to dark, which keeps form visible where values are low.
UPWARD = ("viridis", "cividis", "magma", "inferno", "plasma")
SEQUENTIAL = (*UPWARD, *(f"{name}_r" for name in UPWARD))
# For signed values: both ends are equally dark, and color-blind people can tell blue from red.
DIVERGING = ("coolwarm",)
COLORMAPS = SEQUENTIAL + DIVERGING
STEPS = 256
# The color of missing values, which is in none of the maps.
UNKNOWN = (128, 128, 128)


@checked()
def colors_of(
    values: ArrayLike | Tensor,
    low: float | None = None,
    high: float | None = None,
    name: str = "viridis",
) -> Tensor:
    """Give each value its color.

    Args:
        values: (N,) real numbers; NaN is drawn gray.
        low: the value of the first color, also of all lower values. Default: see :func:`limits`.
        high: the value of the last color. Default: see :func:`limits`.
        name: one of :data:`COLORMAPS`.

    Returns:
        (N, 3) uint8 red, green, blue.

    Raises:
        InputError: there is no such map, or ``low`` is above ``high``.

    Source:
        van der Walt and Smith, 2015 (viridis); Nuñez et al., 2018 (cividis); Moreland, 2009
        (coolwarm).
    """
    share = shares_of(values, *limits(values, low, high, name))
    # As in matplotlib, all steps are equally wide, and both limits are included.
    step = (share.nan_to_num() * STEPS).long().clamp(max=STEPS - 1)
    return color_table(name)[step.masked_fill(share.isnan(), STEPS)]


@checked()
def values_of(colors: ArrayLike | Tensor, low: float, high: float, name: str = "viridis") -> Tensor:
    """Compute the value of each color, the inverse of :func:`colors_of`.

    Args:
        colors: (N, 3) uint8 red, green, blue.
        low: the value of the map's first color.
        high: the value of its last color.
        name: one of :data:`COLORMAPS`.

    Returns:
        (N,) float64 values, exact to 2/256 of the range; NaN for colors that the map lacks.

    Raises:
        InputError: there is no such map.
    """
    number = torch.tensor([1 << 16, 1 << 8, 1])  # each color as one number
    given = real_numbers(colors, "colors").long()
    if given.shape[-1:] != (3,):
        raise InputError(f"colors must have shape (N, 3), not {tuple(given.shape)}")
    wanted = (given * number).sum(-1)
    known, order = (color_table(name)[:STEPS].long() * number).sum(-1).sort()
    place = torch.searchsorted(known, wanted).clamp(max=STEPS - 1)
    value = low + (high - low) * (order[place].double() + 0.5) / STEPS
    return value.where(known[place] == wanted, torch.nan)


@checked(tails=(0, 0.5))
def limits(
    values: ArrayLike | Tensor,
    low: float | None = None,
    high: float | None = None,
    name: str = "viridis",
    tails: float = 0.0,
) -> tuple[float, float]:
    """Choose the lower and the upper limit of the values that a color map covers.

    Args:
        values: numbers of any shape; NaN and infinite ones are ignored.
        low: the lower limit. Default: the least value.
        high: the upper limit. Default: the greatest value.
        name: for a diverging map, missing limits are chosen so that 0 lies in the middle.
        tails: share of the values that is ignored at each end.

    Raises:
        InputError: there is no such map, or ``low`` is above ``high``.
    """
    color_table(name)  # raises for an unknown name
    number = real_numbers(values)
    number = number[number.isfinite()]
    least, most = quantile(number, (tails, 1 - tails)).tolist() if len(number) else (0.0, 0.0)
    if name in DIVERGING:
        reach = max(-least, most) if low is high is None else max(-(low or 0), high or 0)
        least, most = -reach, reach
    low, high = least if low is None else low, most if high is None else high
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise InputError(f"colors cannot go from {low:g} to {high:g}: low must not be above high")
    return low, high


def shares_of(values: ArrayLike | Tensor, low: float, high: float) -> Tensor:
    """Scale values to 0 … 1 between two limits, to 0.5 if these are equal. NaN stays NaN."""
    number = real_numbers(values)
    share = (number - low) / (high - low) if high > low else torch.full_like(number, 0.5)
    return share.clamp(0, 1).where(~number.isnan(), torch.nan)


@lru_cache
def color_table(name: str) -> Tensor:
    """Give the colors of the steps of a map, and that of missing values: (257, 3) uint8."""
    from matplotlib import colormaps

    if name not in COLORMAPS:
        raise InputError(f"no color map is called {name!r}{nearest(name, COLORMAPS)}")
    colors = colormaps[name](np.arange(STEPS), bytes=True)[:, :3]
    return torch.from_numpy(np.vstack([colors, np.array([UNKNOWN], np.uint8)]))


def real_numbers(values: ArrayLike | Tensor, name: str = "values") -> Tensor:
    """Convert values to a float64 tensor on the CPU, or raise an InputError."""
    values = values.detach().cpu() if isinstance(values, Tensor) else values
    try:
        return torch.from_numpy(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be real numbers: {error}") from error
