"""What is chosen, and the colors that follow from it: no page and no browser in here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.defaults import TAILS
from pcea.pictures.colormaps import colors_of, limits
from pcea.viewer.panels import Columns, Parts
from pcea.viewer.study import Study, places, stand

PLAIN = "plain"
GRAY = (170, 174, 180)


@dataclass(frozen=True)
class View:
    """What somebody chose of a shape. What is beyond the last there is, is the last."""

    panel: str = PLAIN  # what the colors mean: the name of a panel, or "plain"
    choice: int = 0  # which layer or target
    head: int | None = None  # None: the mean of all
    column: int = 0  # which slot, query point or kind of importance
    sampled: bool = False  # whether the sampled points are drawn, and not the whole shape
    same_scale: bool = False  # whether all columns share a range


@dataclass(frozen=True)
class Range:
    """What the ends of a color bar mean, and which color map it is."""

    title: str
    low: float
    high: float
    map: str = "viridis"


@dataclass(frozen=True)
class Legend:
    """What each color means: (name, red green blue, share) per part, the largest first."""

    title: str
    entries: tuple[tuple[str, tuple[int, int, int], float], ...]


@dataclass(frozen=True, eq=False)
class Painting:
    """Places and their colors."""

    pos: Tensor  # (N, 3) float32, y up, in the middle, size 2
    color: NDArray[np.uint8]  # (N, 3) red, green, blue
    key: Range | Legend | None = None  # what the colors mean
    mark: Tensor | None = None  # (3,) where the query point is


def paint(study: Study, view: View) -> Painting:
    """Color a shape as a view wants it; a panel that the model has nothing for is plain."""
    where = study.sample.pos if view.sampled else places(study.drawn)
    pos = stand(study.drawn, where, study.up)
    values = study.values(view.panel, view.choice)
    if values is None:
        return Painting(pos, np.full((len(pos), 3), GRAY, np.uint8))
    if isinstance(values, Parts):
        part = values.probability.argmax(-1) if view.sampled else study.part(values)
        return Painting(pos, values.colors[part].numpy(), legend_of(values))
    head = None if view.head is None or len(values.values) == 1 else view.head
    head = None if head is None else min(head, len(values.values) - 1)
    column = max(0, min(view.column, len(values.names) - 1))
    name, of_head = values.colormap(column), values.of_head(head)  # (P, K)
    low, high = limits(of_head if view.same_scale else of_head[:, column], None, None, name, TAILS)
    drawn = of_head[:, column] if view.sampled else study.column(values, head, column)
    color = colors_of(drawn, low, high, name)
    named = "" if len(values.values) == 1 else ", mean of heads"
    named = named if head is None else f", head {head}"
    key = Range(f"{values.title}{named}, {values.names[column]}", low, high, name)
    mark = None
    if values.query is not None and column >= len(values.names) - len(values.query):
        query = values.query[column - len(values.names)]
        mark = stand(study.drawn, query[None], study.up)[0]
    return Painting(pos, color.numpy(), key, mark)


def column_at(study: Study, view: View, index: int) -> int | None:
    """Choose the column of the query point nearest to a place of :func:`paint`.

    Without query points it is the column with most of the attention there; None: no attention.
    """
    values = study.values(view.panel, view.choice)
    if not isinstance(values, Columns) or values.signed:
        return None
    sample = study.sample.pos
    place = sample[index] if view.sampled else places(study.drawn)[index]
    if values.query is not None:
        if not len(values.query):
            return None
        nearest = int((values.query - place).norm(dim=1).argmin())
        return len(values.names) - len(values.query) + nearest
    return int(values.of_head(view.head)[(sample - place).norm(dim=1).argmin()].argmax())


def hit(pos: Tensor, origin: Tensor, direction: Tensor, reach: float = 0.03) -> int | None:
    """Find which of (N, 3) places a ray of unit direction meets first, or None."""
    along = (pos - origin) @ direction  # (N,)
    aside = (pos - origin - along[:, None] * direction).norm(dim=1)
    # A place a little farther along but nearer to the ray is the one that is meant.
    cost = torch.where((aside <= reach) & (along > 0), along + 3 * aside, torch.inf)
    best = int(cost.argmin())
    return best if cost[best] < torch.inf else None


def legend_of(parts: Parts) -> Legend:
    """Say which color is which part, and how much of the sampled points it has."""
    count = parts.probability.argmax(-1).bincount(minlength=len(parts.names))
    shares = (count / len(parts.probability)).tolist()
    rgb = [(r, g, b) for r, g, b in parts.colors.tolist()]
    entries = sorted(zip(parts.names, rgb, shares, strict=True), key=lambda each: -each[2])
    return Legend(parts.title, tuple(entries))
