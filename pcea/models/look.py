"""Looking at what a model's attention does on a shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pcea.attention import Attention, MapKind
from pcea.datasets.clouds import Batch
from pcea.formats import Cloud
from pcea.geometry import farthest_point_sample, knn, three_interpolate
from pcea.models.encoder import PointTransformer
from pcea.models.preparing import Prepared


class Seen(NamedTuple):
    """What a model sees of a shape at one look."""

    cloud: Cloud  # num_points points in the shape's own unit and axes
    batch: Batch  # the same points, y up, in the unit sphere
    stand_in: Tensor  # (num_points,) which point each one stands for: a stray for a kept one
    strays: int  # how many points were left out
    estimated: bool  # whether normals were estimated

    @property
    def places(self) -> Tensor:
        """(num_points, 3) where the model saw each point, in the shape's own unit and axes."""
        return self.cloud.pos[self.stand_in.to(self.cloud.pos.device)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of what was done to the points, a sentence each."""
        return notes_of_all([self])


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """One layer's attention at the seen points.

    A map over slots has a column a slot, and a point's row over the slots sums to 1. A map among
    points has no column that means the same on every shape, so it is asked two things. Column 0,
    ``received``, is how much a point is attended to: the mean over all readers of the weight they
    give it. The others are what some query points read: the rows of the tokens nearest to them.
    Both are in units of uniform attention: 1 is what every point would get if a reader shared its
    weight out evenly, so that values do not depend on the number of points.

    The model attends among its tokens. At the other seen points, values are interpolated from the
    three nearest tokens of the same look.

    Args:
        layer: which attention layer, from 0.
        kind: whether the attention is over ``slots`` or among ``points``.
        values: (H, P, K) float32, with H heads, P seen points and K columns.
        columns: what each column is: ``slot 0`` …, or ``received``, ``query 0`` ….
        query: (Q, 3) the query points in the shape's own unit and axes; None over slots.
    """

    layer: int
    kind: MapKind
    values: Tensor
    columns: tuple[str, ...]
    query: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Look:
    """What a model saw of a shape, what it made of it, and where its attention was.

    Args:
        sample: the P = votes · ``num_points`` seen points in the shape's own unit and axes, one
            look after the other; those of a mesh with their faces.
        probability: of a classifier (categories,), the mean over the looks; of a segmenter
            (P, parts), all parts competing.
        maps: one a layer.
        up: the axis that was taken for up.
        notes: what a person should know of what was done to the points, a sentence each.
    """

    sample: Cloud
    probability: Tensor
    maps: tuple[AttentionMap, ...]
    up: str
    notes: tuple[str, ...] = ()


def notes_of_all(looks: Sequence[Seen]) -> tuple[str, ...]:
    """Say what was done to the points of several looks, a sentence each."""
    strays, total = sum(each.strays for each in looks), sum(len(each.cloud) for each in looks)
    notes = list[str]()
    if strays:
        notes.append(
            f"{strays:,} of the {total:,} sampled points lie apart from the shape and were left out"
        )
    if any(each.estimated for each in looks):
        notes.append("normals, which the model needs and the shape lacks, were estimated")
    return tuple(notes)


def map_kinds(encoder: PointTransformer) -> list[MapKind]:
    """Say what kind of map each layer's attention has; a compiled one lies within a wrapper."""
    modules = encoder.layers.modules()
    return [module.map_kind for module in modules if isinstance(module, Attention)]


def choose_queries(seen: Seen, queries: int) -> Tensor:
    """The farthest seen point from the centroid, then always the farthest from those before."""
    pos = seen.batch.pos
    num = min(queries, len(pos[0].unique(dim=0)))
    if num == 0:
        return seen.cloud.pos[:0]
    start = int(pos[0].norm(dim=-1).argmax())
    return seen.places[farthest_point_sample(pos, num, start=start)[0].cpu()]  # (Q, 3)


def maps_of(
    encoder: PointTransformer,
    seen: Seen,
    ready: Prepared,
    kinds: list[MapKind],
    query: Tensor | None,
) -> list[Tensor]:
    """Each layer's columns at the points of one look, (H, num_points, K)."""
    maps = list[Tensor]()
    pos = ready.pos
    tokens = encoder(pos, ready.normal, maps=maps)[-1]
    readers = None
    if query is not None:
        # Looks may differ in their frame, so queries are looked up in that of the file.
        centers = seen.places[knn(tokens.pos, pos, 1)[0, :, 0].cpu()]  # (M, 3)
        readers = knn(query[None], centers[None], 1)[0, :, 0].to(pos.device)  # (Q,)
    found = []
    for kind, weights in zip(kinds, maps, strict=True):
        columns = weights[0] if kind == "slots" else _among_points(weights[0], readers)
        flat = columns.transpose(0, 1).flatten(1)  # (M, H·K)
        at_seen = three_interpolate(pos, tokens.pos, flat[None])[0]  # (num_points, H·K)
        found.append(at_seen.unflatten(1, (len(columns), -1)).transpose(0, 1).float().cpu())
    return found


def _among_points(weights: Tensor, readers: Tensor | None) -> Tensor:
    """The columns of a map among M points, (H, M, M) → (H, M, 1 + Q)."""
    num = weights.shape[-1]
    received = weights.mean(1, keepdim=True)  # (H, 1, M)
    read = weights[:, readers]  # (H, Q, M)
    return num * torch.cat([received, read], dim=1).mT


def name_columns(layer: int, kind: MapKind, values: Tensor, query: Tensor | None) -> AttentionMap:
    """Say what a layer's columns (H, P, K) are."""
    if kind == "slots":
        return AttentionMap(layer, kind, values, tuple(f"slot {i}" for i in range(values.shape[2])))
    asked = tuple(f"query {i}" for i in range(values.shape[2] - 1))
    return AttentionMap(layer, kind, values, ("received", *asked), query)
