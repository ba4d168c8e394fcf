"""What a model's attention does on one shape, and which of it is shown."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pcea.cli.attend_options import AttendOptions
from pcea.cli.batch import WrongOption
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.geometry import quantile, unit_sphere, upright
from pcea.models import AttentionMap, Look, PointModel
from pcea.models.importance import Importance, importance
from pcea.models.orientation import find_up
from pcea.pictures.camera import Camera
from pcea.pictures.refine import refine
from pcea.pictures.slots import choose_slots

# From light to dark: a peaked slot leaves most of a shape at the low end, where form stays visible.
COLORMAP = "magma_r"
# Columns of layers.png.
PER_LAYER = 6
# With more faces than this, bringing every column to each vertex and drawing it takes minutes.
HEAVY = 200_000
# What is above this share of a column's values has the last colour.
TOP = 0.99


@dataclass(frozen=True)
class Column:
    """One column of one layer's map, heads averaged, in units of an even share.

    Args:
        layer: from 0.
        index: of the map's columns.
        name: such as ``layer 3 slot 12``.
        high: the value that has the last colour; 0 has the first.
    """

    layer: int
    index: int
    name: str
    high: float


@dataclass(frozen=True)
class Attended:
    """A shape and what was seen on it.

    Args:
        shape: as it was read.
        look: what the model saw.
        guessed: how sure the guess of the up axis was; None where it was given.
        weighed: what decides the answer.
        gallery: the columns shown of one layer, the first of which colours the files.
        layers: the columns shown of each layer.
        fine: the shape, fine enough for pictures; the shape's own vertices come first.
        values: (V, gallery) on it.
        critical: (V,) what tokens near win of the pooled channels, 1 if all win as much.
        saliency: (V,) of ``weighed`` on it.
        small: what ``layers`` are drawn on: ``fine``, or of a large mesh the seen points.
        layer_values: (V, layers) on it.
    """

    shape: Mesh | Cloud
    look: Look
    guessed: float | None
    weighed: Importance
    gallery: tuple[Column, ...]
    layers: tuple[Column, ...]
    fine: Mesh | Cloud
    values: Tensor
    critical: Tensor
    saliency: Tensor
    small: Mesh | Cloud
    layer_values: Tensor

    @property
    def own(self) -> int:
        """Vertices or points that the file has."""
        return len(self.shape.vertices if isinstance(self.shape, Mesh) else self.shape)


def chosen_layer(model: PointModel, layer: int | None) -> int:
    """The layer to show; the last where none is named.

    Raises:
        InputError: the model has no such layer.
    """
    depth = len(model.encoder.layers)
    if layer is None:
        return depth - 1
    if not 0 <= layer < depth:
        raise InputError(f"--layer {layer}: {model.info.name} has layers 0 to {depth - 1}")
    return layer


def attend(model: PointModel, shape: Mesh | Cloud, options: AttendOptions, layer: int) -> Attended:
    """Look at a shape, choose what to show, and bring it to the whole shape."""
    guess = find_up(model, shape) if options.up == "auto" else None
    up = options.up if guess is None else guess.up
    look = model.look(shape, options.votes, up, max(options.slots - 1, 0))
    weighed = importance(model, shape, votes=options.votes, up=up)
    seen = in_front(look)
    gallery = choose_columns(look.maps[layer], seen, options.slots, options.slot)
    layers = [column for each in look.maps for column in choose_columns(each, seen, PER_LAYER)]
    shares = [even_shares(each) for each in look.maps]
    few, many = (
        torch.stack([shares[c.layer][:, c.index] for c in some], 1) for some in (gallery, layers)
    )
    fine, sample = shape, look.sample
    heavy = isinstance(shape, Mesh) and len(shape.faces) > HEAVY
    if isinstance(shape, Mesh):
        fine, sample = refine(shape, look.sample)
    values = torch.cat([weighed.nearby[:, None], weighed.saliency[:, None], few], 1)
    carried = fine.carry_back(sample, values if heavy else torch.cat([values, many], 1))
    return Attended(
        shape=shape,
        look=look,
        guessed=None if guess is None else guess.confidence,
        weighed=weighed,
        gallery=tuple(gallery),
        layers=tuple(layers),
        fine=fine,
        critical=carried[:, 0],
        saliency=carried[:, 1],
        values=carried[:, 2 : 2 + len(gallery)],
        small=sample if heavy else fine,
        layer_values=many if heavy else carried[:, 2 + len(gallery) :],
    )


def even_shares(each: AttentionMap) -> Tensor:
    """A layer's columns, (P, K), heads averaged: 1 where a point has what all have on average."""
    values = each.values.mean(0)
    return values / values.mean(0).clamp(min=1e-30) if each.kind == "slots" else values


def in_front(look: Look) -> Tensor:
    """Which seen points lie on the side that the pictures show, (P,) bool."""
    pos = upright(unit_sphere(look.sample.pos), look.up)
    return pos @ torch.from_numpy(Camera().axes[2]).float() > 0


def choose_columns(
    each: AttentionMap, seen: Tensor, num: int, first: int | None = None
) -> list[Column]:
    """Choose what to show of a layer: telling slots, or what points receive and read.

    Raises:
        WrongOption: ``first``, the column that must be among them, does not exist.
    """
    values = even_shares(each)
    if first is not None and not 0 <= first < values.shape[1]:
        raise WrongOption(
            f"--slot {first}: layer {each.layer} has columns 0 to {values.shape[1] - 1}"
        )
    chosen = list(range(values.shape[1]))
    if each.kind == "slots":
        chosen = choose_slots(values, num, seen)
    if first is not None:
        chosen = [first, *(i for i in chosen if i != first)]
    tops = quantile(values, TOP, dim=0).tolist()
    return [
        Column(each.layer, i, f"layer {each.layer} {each.columns[i]}", max(tops[i], 1.0))
        for i in chosen[:num]
    ]
