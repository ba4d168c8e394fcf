"""What is shown, and the colours that follow from it: no page and no browser in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.geometry import quantile
from pcea.pictures.colormap import DIVERGING, colors_of
from pcea.viewer.study import Parts, Stack, Study, places, stand

Mode = Literal["plain", "parts", "attention", "importance"]
MODES: tuple[Mode, ...] = get_args(Mode)
GREY = (170, 174, 180)
# The lowest and the highest hundredth do not stretch the range.
TAILS = (0.01, 0.99)


@dataclass(frozen=True)
class View:
    """What somebody chose to see of a shape.

    Args:
        mode: what the colours mean. Default ``plain``.
        layer: which attention layer, from 0. Default 0.
        head: which head, from 0; None: the mean of all. Default None.
        column: which slot or query point, or which kind of importance, from 0. Default 0.
        target: what importance is for; None: the model's first choice.
        seen: whether the seen points are shown, and not the whole shape. Default false.
        same_scale: whether all columns share a range. Default false.
    """

    mode: Mode = "plain"
    layer: int = 0
    head: int | None = None
    column: int = 0
    target: str | None = None
    seen: bool = False
    same_scale: bool = False


@dataclass(frozen=True)
class Range:
    """What the ends of a colour bar mean, and which colour map it is."""

    title: str
    low: float
    high: float
    map: str = "viridis"


@dataclass(frozen=True)
class Legend:
    """What each colour means: (name, red green blue, share) a part."""

    title: str
    entries: tuple[tuple[str, tuple[int, int, int], float], ...]


@dataclass(frozen=True, eq=False)
class Painting:
    """Places and their colours.

    Args:
        pos: (N, 3) float32, y up, in the middle, size 2.
        color: (N, 3) uint8 red, green, blue.
        key: what the colours mean; None: nothing.
        mark: (3,) where the query point is that is looked from; None: from nowhere.
    """

    pos: Tensor
    color: NDArray[np.uint8]
    key: Range | Legend | None = None
    mark: Tensor | None = None


def paint(study: Study, view: View) -> Painting:
    """Colour a shape.

    Args:
        study: the shape and the model.
        view: what to see of it. A mode that the model has not is plain; a layer, head or column
            beyond the last is the last.

    Returns:
        The places to draw, their colours and what these mean.
    """
    where = study.sample.pos if view.seen else places(study.drawn)
    pos = stand(study.drawn, where, study.up)
    if view.mode == "parts" and study.parts is not None:
        parts = study.parts
        ids = parts.seen if view.seen else parts.ids
        return Painting(pos, parts.colors[ids].numpy(), legend_of(parts))
    stack = stack_of(study, view)
    if stack is None:
        return Painting(pos, np.full((len(pos), 3), GREY, np.uint8))
    head = None if view.head is None or len(stack.values) == 1 else view.head
    head = None if head is None else min(head, len(stack.values) - 1)
    column = max(0, min(view.column, len(stack.columns) - 1))
    of_head = stack.values.mean(0) if head is None else stack.values[head]  # (P, K)
    name = map_of(stack.columns[column])
    low, high = spread(of_head if view.same_scale else of_head[:, column], name)
    values = of_head[:, column] if view.seen else study.carried(stack, head, column)
    color = colors_of(values, low, high, name)
    named = (
        "" if len(stack.values) == 1 else ", mean of heads" if head is None else f", head {head}"
    )
    title = f"{stack.title}{named}, {stack.columns[column]}"
    mark = None
    if stack.query is not None and column >= len(stack.columns) - len(stack.query):
        asked = stack.query[column - len(stack.columns)]
        mark = stand(study.drawn, asked[None], study.up)[0]
    return Painting(pos, color.numpy(), Range(title, low, high, name), mark)


def stack_of(study: Study, view: View) -> Stack | None:
    """Find the values that a view is about; None where it is about none."""
    if view.mode == "attention":
        return _layer(study, view)
    if view.mode == "importance":
        return study.importance(view.target)
    return None


def column_at(study: Study, view: View, index: int) -> int | None:
    """Choose the column that has most to do with a place that was pointed at.

    Args:
        study: the shape and the model.
        view: what is shown of it.
        index: which of the places that :func:`paint` gave.

    Returns:
        Over slots, the slot with most of the place's attention; among points, the query point
        nearest to the place; None where no attention is shown.
    """
    if view.mode != "attention":
        return None
    stack = _layer(study, view)
    sample = study.sample.pos
    place = sample[index] if view.seen else places(study.drawn)[index]
    if stack.query is not None:
        own = len(stack.columns) - len(stack.query)
        return own + int((stack.query - place).norm(dim=1).argmin()) if len(stack.query) else None
    values = stack.values.mean(0) if view.head is None else stack.values[view.head]  # (P, K)
    return int(values[(sample - place).norm(dim=1).argmin()].argmax())


def hit(pos: Tensor, origin: Tensor, direction: Tensor, reach: float = 0.03) -> int | None:
    """Find what a ray meets first.

    Args:
        pos: (N, 3) places.
        origin: (3,) where the ray begins.
        direction: (3,) where it goes, of length 1.
        reach: how far a place may be from the ray. Default 0.03.

    Returns:
        The place, or None.
    """
    along = (pos - origin) @ direction  # (N,)
    aside = (pos - origin - along[:, None] * direction).norm(dim=1)
    # A place a little farther along but nearer to the ray is the one that is meant.
    cost = torch.where((aside <= reach) & (along > 0), along + 3 * aside, torch.inf)
    best = int(cost.argmin())
    return best if cost[best] < torch.inf else None


def legend_of(parts: Parts) -> Legend:
    """Say which colour is which part, and how much of the shape it has; the largest first."""
    rgb = [(r, g, b) for r, g, b in parts.colors.tolist()]
    entries = sorted(zip(parts.names, rgb, parts.shares, strict=True), key=lambda each: -each[2])
    return Legend(f"parts of {parts.category}", tuple(entries))


def _layer(study: Study, view: View) -> Stack:
    return study.layers[max(0, min(view.layer, len(study.layers) - 1))]


def map_of(column: str) -> str:
    """Choose the colour map of a column: what has a sign gets one with a middle."""
    return "coolwarm" if column == "saliency" else "viridis"


def spread(values: Tensor, name: str = "viridis") -> tuple[float, float]:
    """Choose the range of a colour bar, the tails of the values left out.

    Args:
        values: any shape.
        name: the colour map; a diverging one has 0 in the middle. Default ``viridis``.

    Returns:
        The low and the high end, apart even where all values are one.
    """
    flat = values.flatten().float()
    flat = flat[flat.isfinite()]
    if not len(flat):
        return 0.0, 1.0
    low, high = quantile(flat, TAILS).tolist()
    if name in DIVERGING:
        high = max(abs(low), abs(high), 1e-12)
        return -high, high
    if high > low:
        return low, high
    return low, low + max(1e-6, abs(low) * 1e-6)
