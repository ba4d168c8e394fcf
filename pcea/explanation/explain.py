"""Run a model on a shape and explain its answer."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pcea.defaults import EXPLAIN_VOTES, TAILS, UP
from pcea.errors import InputError, WrongOption, checked
from pcea.evaluation.association import normalized_entropy
from pcea.explanation.importance import Importance, check_target, importance_of, targets
from pcea.formats import Cloud, ShapeLike, write_npz
from pcea.geometry import SurfaceCarrier, quantile, unit_sphere, upright, view_direction
from pcea.models import AttentionMap, PointModel, Prediction, Segmentation, segmentation
from pcea.models.attention_map import attention_maps
from pcea.models.prediction import Recording, UpGuess


@dataclass(frozen=True)
class Column:
    """One column of one layer's map, heads averaged, in units of an even share.

    ``layer`` and ``index`` count from 0; the value ``high`` has the last color, and 0 the first.
    """

    layer: int
    index: int
    name: str
    high: float


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Prediction):
    """What a model answers for a shape, where its attention was, and which points decide.

    All of it is known at the P = votes · ``num_points`` points of :attr:`sample`, from one forward
    pass per vote; :meth:`carry` brings it to the whole shape.

    Args:
        maps: the attention at these points, one map per layer.
        importance: which of the points decide; None where it was not wanted.
        gallery: the columns of one layer that are worth a picture, the best first.
    """

    maps: tuple[AttentionMap, ...]
    importance: Importance | None
    gallery: tuple[Column, ...]

    @property
    def summary(self) -> str:
        """One line: the shape, the model, its answer, and what else is known."""
        target = "" if self.importance is None else f", importance of {self.importance.target}"
        return f"{super().summary}, {len(self.maps)} attention maps{target}"

    @cached_property
    def parts(self) -> Segmentation | None:
        """The shape split into parts, as :meth:`pcea.models.Segmenter.segment` does it, or None."""
        return segmentation(self) if self.model.task == "segmentation" else None

    @cached_property
    def visible(self) -> Tensor:
        """(P,) bool, which points lie on the side that pictures show."""
        return upright(unit_sphere(self.sample.pos), self.up) @ view_direction() > 0

    def columns(self, layer: int, num: int, first: int | None = None) -> tuple[Column, ...]:
        """Choose at most ``num`` columns of a layer (from 0): telling slots on the visible side.

        A column ``first`` comes first; one that does not exist is a WrongOption.
        """
        return choose_columns(self.maps[layer], num, self.visible, first)

    def values(self, columns: Iterable[Column]) -> Tensor:
        """(P, C) the values of C columns at the points, heads averaged, 1 for an even share."""
        shares = [each.shares for each in self.maps]
        return torch.stack([shares[each.layer][:, each.index] for each in columns], dim=1)

    @cached_property
    def _carrier(self) -> SurfaceCarrier | None:
        shape, sample = self.shape, self.sample
        if isinstance(shape, Cloud) or sample.face is None:
            return None
        return SurfaceCarrier(shape.vertices, shape.faces, sample.pos, sample.face)

    def carry(self, values: Tensor) -> Tensor:
        """Bring values at the points (P, C) to the whole shape: (N, C), or (V, C) of a mesh."""
        if self._carrier is None:
            return self.shape.carry_back(self.sample, values)
        return self._carrier.carry(values)

    @cached_property
    def on_shape(self) -> Tensor:
        """(N, C) or (V, C) the values of the gallery's columns, on the whole shape."""
        return self.carry(self.values(self.gallery))

    def save_values(self, path: str | os.PathLike[str]) -> None:
        """Write all values as NPZ: at the points, and those of the gallery on the whole shape.

        docs/cli.md names the arrays; a file that cannot be written is an InputError.
        """
        offset, sample = self.shape.offset, self.sample
        arrays: dict[str, Any] = {
            "pos": sample.file_pos,
            "offset": offset,
            "probability": self.category_probability,
            "names": list(targets(self.model)),
            "up": self.up,
            "shown": [each.name for each in self.gallery],
            "shown_high": [each.high for each in self.gallery],
            "shown_values": self.on_shape,
        }
        if self.model.task == "segmentation":
            categories = list(self.model.info.taxonomy.categories)
            arrays |= {"category_probability": self.category_probability, "categories": categories}
            arrays["probability"] = self.probability
        if self.importance is not None:
            for name in ("critical", "saliency", "target"):
                arrays[name] = getattr(self.importance, name)
        arrays |= {"face": sample.face, "row": self.shape.row}
        for each in self.maps:
            arrays[f"layer{each.layer}"] = each.values
            arrays[f"layer{each.layer}_columns"] = list(each.columns)
            if each.query is not None:
                arrays["query"] = each.query.double() + offset if offset.any() else each.query
        write_npz(path, **{name: value for name, value in arrays.items() if value is not None})


@checked(votes=1, slots=1)
def explain(
    model: PointModel,
    shape: ShapeLike,
    *,
    up: str = UP,
    votes: int = EXPLAIN_VOTES,
    category: str | None = None,
    importance: bool = True,
    target: str | None = None,
    layer: int | None = None,
    slots: int = 8,
    slot: int | None = None,
    guess: UpGuess | None = None,
) -> Explanation:
    """Run a model on a shape and find out why it answers as it does.

    The commands, the viewer and notebooks show what this gives. The model is left as it was, and
    its answer is that without an explanation, to the bit.

    Args:
        model: a classifier or a segmenter.
        shape: a cloud or mesh in any unit, or what else :func:`pcea.as_shape` takes.
        up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`. Default: it is guessed.
        votes: how many samplings of the shape are averaged. Default 4.
        category: the category that a segmenter is given. Default: it decides.
        importance: whether to find which points decide, which takes a gradient per vote.
        target: for what the points decide: a category, or a part of a segmenter. Default: the
            answer; the part with the most points.
        layer: the layer of the gallery, from 0. Default: the last.
        slots: how many columns the gallery has: slots; of attention among points what each point
            receives, and what ``slots`` − 1 query points read.
        slot: the column that comes first in the gallery. Default: the most telling.
        guess: a guess of the up axis that was made before. Default: it is made.

    Raises:
        InputError: ``votes`` is below 1, there is no such axis, category or target, or no points
            can be sampled.
        WrongOption: there is no such layer or slot, whatever the shape.
    """
    depth = len(model.encoder.layers)
    if not depth:
        raise InputError(f"{model.info.name} was made with depth 0: it has no attention to explain")
    layer = depth - 1 if layer is None else layer
    if not 0 <= layer < depth:
        raise WrongOption(f"layer {layer}: {model.info.name} has layers 0 to {depth - 1}")
    check_target(model, target)
    found = model.predict(shape, votes, up, category, gradients=importance, guess=guess)
    maps = attention_maps(found, max(slots - 1, 0))
    explanation = Explanation(
        *(found.model, found.shape, found.up, found.guess, found.given),
        # Without the graph and the recorded tensors, which take memory.
        encoded=tuple(
            each._replace(logits=each.logits.detach(), recorded=Recording())
            for each in found.encoded
        ),
        over_axes=found.over_axes,
        maps=maps,
        importance=importance_of(found, target) if importance else None,
        gallery=(),
    )
    return replace(explanation, gallery=explanation.columns(layer, slots, slot))


def choose_columns(
    layer: AttentionMap, num: int, visible: Tensor | None = None, first: int | None = None
) -> tuple[Column, ...]:
    """Choose columns of a layer: telling slots; among points what is received, then the queries.

    ``visible`` (P,) are the points that a picture shows, all by default; ``first`` comes first.
    """
    values = layer.shares
    count = values.shape[1]
    if first is not None and not 0 <= first < count:
        raise WrongOption(f"slot {first}: layer {layer.layer} has columns 0 to {count - 1}")
    chosen = choose_slots(values, num, visible) if layer.kind == "slots" else list(range(count))
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
    if visible is not None:
        peaked = peaked * share[:, visible].sum(1)
    # Slots without a peak come last, and still in a fixed order.
    score = peaked = peaked.clamp(min=1e-6)
    alike = torch.corrcoef(share).nan_to_num(0).clamp(0, 1)  # (K, K)
    chosen = list[int]()
    for _ in range(min(num, len(share))):
        chosen.append(int(score.argmax()))
        score = peaked * (1 - alike[:, chosen].max(1).values).clamp(min=1e-6)
        score[chosen] = -1.0
    return chosen
