"""The attention of each layer at the points that a model took."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pcea.attention import MapKind
from pcea.errors import InputError
from pcea.geometry import farthest_point_sample, knn, three_interpolate
from pcea.models.prediction import EncodedSample, ModelInput, Prediction


@dataclass(frozen=True, eq=False, repr=False)
class AttentionMap:
    """One layer's attention at the points that the model took.

    Over slots there is one column per slot, and the values of a point sum to 1. Among points no
    column means the same on every shape, so two things are read from the map: column 0,
    ``received``, is how much a point is attended to, the mean over all readers of the weight they
    give it; the others are what the tokens nearest to some query points read. Both are in units of
    uniform attention: 1 is what every point would get if a reader shared its weight out evenly.

    The model attends among its tokens. At the other points, values are interpolated from the three
    nearest tokens of the same vote.

    Args:
        layer: which attention layer, from 0.
        kind: whether the attention is over ``slots`` or among ``points``.
        values: (H, P, K) float32, with H heads, P points and K columns.
        columns: what each column is: ``slot 0`` …, or ``received``, ``query 0`` ….
        query: (Q, 3) the query points in the shape's own unit and axes; None over slots.
    """

    layer: int
    kind: MapKind
    values: Tensor
    columns: tuple[str, ...]
    query: Tensor | None = None

    def __repr__(self) -> str:
        heads, points, columns = self.values.shape
        return (
            f"AttentionMap(layer {self.layer}, over {self.kind}: {heads} heads, {points} points, "
            f"{columns} columns)"
        )

    @property
    def shares(self) -> Tensor:
        """(P, K) the mean of the heads, 1 where a point has what all points have on average."""
        values = self.values.mean(0)
        return values / values.mean(0).clamp(min=1e-30) if self.kind == "slots" else values


@torch.no_grad()
def attention_maps(prediction: Prediction, queries: int) -> tuple[AttentionMap, ...]:
    """Bring the attention of every layer to the points of all votes.

    Of attention among points, what ``queries`` points read is given. They lie far from each other
    and are the same for all votes. An InputError says that parts of the model are compiled, of
    which nothing was recorded.
    """
    encoded, depth = prediction.encoded, len(prediction.model.encoder.layers)
    kinds = [layer.attention.map_kind for layer in encoded[0].recorded.layers]
    if len(kinds) < depth:
        raise InputError(
            f"only {len(kinds)} of {depth} attention layers can be followed: compile the whole "
            "model, not parts of it"
        )
    query = _choose_queries(encoded[0].input, queries)
    maps, votes = [], [_at_points(each, query) for each in encoded]
    for layer, kind in enumerate(kinds):
        values = torch.cat([vote[layer] for vote in votes], dim=1)  # (H, P, K)
        if kind == "points":
            names = ["received", *(f"query {i}" for i in range(len(query)))]
        else:
            names = [f"slot {i}" for i in range(values.shape[2])]
        own = query if kind == "points" else None
        maps.append(AttentionMap(layer, kind, values, tuple(names), own))
    return tuple(maps)


def _choose_queries(taken: ModelInput, queries: int) -> Tensor:
    """Choose the farthest point from the centroid, then always the farthest from those before.

    They are (Q, 3) places in the shape's unit and axes, fewer where it has fewer places.
    """
    num = min(queries, len(taken.pos[0].unique(dim=0)))
    if num == 0:
        return taken.cloud.pos[:0]
    start = int(taken.pos[0].norm(dim=-1).argmax())
    return taken.places[farthest_point_sample(taken.pos, num, start=start)[0].cpu()]


def _at_points(encoded: EncodedSample, query: Tensor) -> list[Tensor]:
    """Each layer's columns at the points of one vote, (H, num_points, K)."""
    found, pos = [], encoded.recorded.levels[0].pos
    for layer in encoded.recorded.layers:
        columns = layer.weights()[0]  # (H, M, S)
        if layer.attention.map_kind == "points":
            # Votes may differ in their frame, so queries are found in that of the file.
            centers = encoded.input.places[knn(layer.pos, pos, 1)[0, :, 0].cpu()]  # (M, 3)
            readers = knn(query[None], centers[None], 1)[0, :, 0].to(pos.device)  # (Q,)
            received = columns.mean(1, keepdim=True)  # (H, 1, M)
            read = torch.cat([received, columns[:, readers]], dim=1)  # (H, 1 + Q, M)
            columns = columns.shape[-1] * read.mT
        flat = columns.transpose(0, 1).flatten(1)  # (M, H·K)
        at_points = three_interpolate(pos, layer.pos, flat[None])[0]  # (num_points, H·K)
        found.append(at_points.unflatten(1, (len(columns), -1)).transpose(0, 1).float().cpu())
    return found
