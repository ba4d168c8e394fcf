"""The attention maps of each layer, at the points that a model took."""

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

    Attention over slots has one column per slot (docs/attention.md says what each value means). For
    attention among points, column 0, ``received``, is the mean weight that all queries give to a
    point, and each further column holds the weights that the token nearest to one query point
    gives. Both are in units of uniform attention: 1 is the weight of every point if all get the
    same.

    The weights are those of tokens. At the other points, they are interpolated from the three
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
        """(P, K) the mean of the heads, in units of the mean over the points."""
        values = self.values.mean(0)
        return values / values.mean(0).clamp(min=1e-30) if self.kind == "slots" else values

    @property
    def together(self) -> Tensor:
        """(P,) how much of all attention is on each point, in units of an even share.

        It is the mean of the slots' shares, or what the point receives from all queries.
        """
        return self.shares.mean(1) if self.kind == "slots" else self.shares[:, 0]


@torch.no_grad()
def attention_maps(prediction: Prediction, queries: int) -> tuple[AttentionMap, ...]:
    """Interpolate the attention of every layer to the points of all votes.

    Attention among points is given for ``queries`` query points, which lie far from each other and
    are the same for all votes. It raises an InputError if parts of the model are compiled, because
    nothing is recorded of them.
    """
    encoded, depth = prediction.encoded, len(prediction.model.encoder.layers)
    kinds = [layer.attention.map_kind for layer in encoded[0].recorded.layers]
    if len(kinds) < depth:
        raise InputError(
            f"only {len(kinds)} of {depth} attention layers can be recorded: compile the whole "
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
    """Choose query points by farthest point sampling from the point farthest from the centroid.

    They are (Q, 3) in the shape's unit and axes, fewer if it has fewer different points.
    """
    num = min(queries, len(taken.pos[0].unique(dim=0)))
    if num == 0:
        return taken.cloud.pos[:0]
    start = int(taken.pos[0].norm(dim=-1).argmax())
    return taken.places[farthest_point_sample(taken.pos, num, start=start)[0].cpu()]


def _at_points(encoded: EncodedSample, query: Tensor) -> list[Tensor]:
    """Interpolate each layer's columns to the points of one vote, (H, num_points, K)."""
    found, pos = [], encoded.recorded.levels[0].pos
    for layer in encoded.recorded.layers:
        columns = layer.weights()[0]  # (H, M, S)
        if layer.attention.map_kind == "points":
            # Each vote is scaled by itself, so query points are matched in the file's coordinates.
            centers = encoded.input.places[knn(layer.pos, pos, 1)[0, :, 0].cpu()]  # (M, 3)
            readers = knn(query[None], centers[None], 1)[0, :, 0].to(pos.device)  # (Q,)
            received = columns.mean(1, keepdim=True)  # (H, 1, M)
            read = torch.cat([received, columns[:, readers]], dim=1)  # (H, 1 + Q, M)
            columns = columns.shape[-1] * read.mT
        flat = columns.transpose(0, 1).flatten(1)  # (M, H·K)
        at_points = three_interpolate(pos, layer.pos, flat[None])[0]  # (num_points, H·K)
        found.append(at_points.unflatten(1, (len(columns), -1)).transpose(0, 1).float().cpu())
    return found
