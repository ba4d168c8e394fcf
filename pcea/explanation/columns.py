"""Which columns of an attention map are worth a picture, and up to which value they are colored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pcea.defaults import TAILS
from pcea.errors import WrongOption
from pcea.evaluation.association import normalized_entropy
from pcea.geometry import quantile
from pcea.models import AttentionMap


@dataclass(frozen=True)
class Column:
    """One column of one layer's map, heads averaged, in units of an even share.

    ``layer`` and ``index`` count from 0; the value ``high`` has the last color, and 0 the first.
    """

    layer: int
    index: int
    name: str
    high: float


def choose_columns(
    layer: AttentionMap, num: int, visible: Tensor | None = None, first: int | None = None
) -> tuple[Column, ...]:
    """Choose columns of a layer: telling slots; among points what is received, then the queries.

    ``visible`` (P,) are the points that a picture shows, all by default; ``first`` comes first.
    """
    values = layer.shares
    if first is not None and not 0 <= first < values.shape[1]:
        raise WrongOption(
            f"slot {first}: layer {layer.layer} has columns 0 to {values.shape[1] - 1}"
        )
    chosen = list(range(values.shape[1]))
    if layer.kind == "slots":
        chosen = choose_slots(values, num, visible)
    if first is not None:
        chosen = [first, *(i for i in chosen if i != first)]
    tops = quantile(values, 1 - TAILS, dim=0).tolist()
    return tuple(
        Column(layer.layer, i, f"layer {layer.layer} {layer.columns[i]}", max(tops[i], 1.0))
        for i in chosen[:num]
    )


def choose_slots(values: Tensor, num: int, visible: Tensor | None = None) -> list[int]:
    """Choose slots of (P, K) values that lie on few points of a shape, and not on the same ones.

    In turn, the slot comes that is most peaked (1 less its normalized entropy over the points)
    times most unlike those before (1 less its greatest correlation with one), times most on visible
    points.
    """
    share = (values / values.sum(0).clamp(min=1e-30)).T  # (K, P)
    peaked = 1 - normalized_entropy(share)
    pattern = torch.nn.functional.normalize(share - share.mean(1, keepdim=True), dim=1)
    alike = (pattern @ pattern.T).clamp(0, 1)  # (K, K)
    if visible is not None:
        peaked = peaked * share[:, visible].sum(1)
    # What hardly peaks at all still comes in some order, and last.
    score, chosen = peaked.clamp(min=1e-6), list[int]()
    for _ in range(min(num, len(share))):
        chosen.append(int(score.argmax()))
        unlike = 1 - alike[:, chosen].max(1).values
        score = peaked.clamp(min=1e-6) * unlike.clamp(min=1e-6)
        score[chosen] = -1.0
    return chosen
