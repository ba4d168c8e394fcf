"""What the slots of an attention come to mean, over a whole data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from pcea.attention import MapKind
from pcea.datasets import Clouds, Taxonomy
from pcea.errors import InputError
from pcea.evaluation.association import (
    area_under_curve,
    cut_into_slabs,
    excess,
    mean_cosines,
    normalized_entropy,
    normalized_mutual_information,
    shuffle,
    soft_cells,
)
from pcea.evaluation.slot_figures import LayerFigures, SlotFigures, SlotStatistics
from pcea.geometry import knn, quantile
from pcea.models import PointModel
from pcea.models.encoder import AttentionLayer
from pcea.models.encoding import recording
from pcea.models.mode import evaluating

# Nodes along each axis of the cube around the unit sphere. Where exactly two shapes have their
# points is chance: on hard or finer cells, slots that lie alike would hardly seem to.
NODES = 4
# A part that fewer shapes have is nobody's best part: with few shapes chance goes far.
FEWEST_SHAPES = 3
# A value above its shape's mean by rounding alone is not above it.
ROUNDING = 1e-4


@torch.no_grad()
def measure_slots(
    model: PointModel,
    clouds: Clouds,
    taxonomy: Taxonomy,
    num_points: int | None = None,
    batch_size: int = 32,
    repeats: int = 50,
    seed: int = 0,
) -> SlotStatistics:
    """Measure what each slot of each layer does, over a data set.

    The points are those that the attention itself takes. Every figure is a mean over shapes or
    categories, each counting alike; docs/slots.md defines them. They do not depend on the batch
    size but for rounding.

    Args:
        model: any model, on the device where the clouds live.
        clouds: the shapes; the part figures need their part labels.
        taxonomy: of the clouds, which need not be the model's.
        num_points: points of each cloud that the model takes. Default: as in training.
        batch_size: clouds at a time.
        repeats: how many times labels are exchanged for a baseline.
        seed: of the points and the baselines.

    Raises:
        InputError: there are no clouds, or a count is below 1.
    """
    num_points = model.info.num_points if num_points is None else num_points
    if not len(clouds) or min(num_points, batch_size, repeats) < 1:
        raise InputError(
            f"nothing to measure: {len(clouds)} clouds, {num_points} points, "
            f"batches of {batch_size}, {repeats} repeats"
        )
    kinds = [cast(AttentionLayer, each).attention.map_kind for each in model.encoder.layers]
    labels = _Labels(clouds, taxonomy, repeats, seed)
    layers = [_Layer(kind, labels) for kind in kinds]
    points = Generator().manual_seed(seed)
    with evaluating(model):
        for index in torch.arange(len(clouds), device=clouds.ptr.device).split(batch_size):
            batch = clouds.batch(index, num_points, points)
            pos, normal, _ = model.prepare(batch.pos, batch.normal)
            with recording(model.encoder) as passed:
                tokens = model.encoder(pos, normal)[-1]
            center = knn(tokens.pos, pos, 1)[..., 0]  # (B, M), each token is one of the points
            part = None if batch.part is None else batch.part.gather(1, center)
            category = F.one_hot(batch.category, len(taxonomy.categories)).float()  # (B, C)
            several = list(labels.exchanged(part, tokens.pos, batch.category))
            for layer, each in zip(layers, passed.layers, strict=True):
                layer.add(each.weights().float(), tokens.pos, category, several)
    found = [layer.figures(number) for number, layer in enumerate(layers)]
    return SlotStatistics(
        kind=kinds[0],
        clouds=len(clouds),
        points=tokens.pos.shape[1],
        repeats=repeats,
        seed=seed,
        slots=tuple(each for slots, _, _ in found for each in slots),
        layers=tuple(each for _, heads, _ in found for each in heads),
        taxonomy=taxonomy,
        auc=torch.cat([auc for _, _, auc in found]),
    )


class _Labels:
    """Part labels within each category, and the exchanges of them that the baselines need."""

    def __init__(self, clouds: Clouds, taxonomy: Taxonomy, repeats: int, seed: int) -> None:
        self.taxonomy, self.repeats = taxonomy, repeats
        self.known = clouds.part is not None and bool(taxonomy.parts)
        categories = len(taxonomy.categories)
        self.most = max((len(ids) for ids in taxonomy.parts_of), default=0)
        self.local = torch.zeros(categories, len(taxonomy.parts), dtype=torch.long)
        for category, ids in enumerate(taxonomy.parts_of):
            self.local[category, list(ids)] = torch.arange(len(ids))
        # Every repeat draws from its own stream, so that the size of a batch does not matter.
        self.streams = [Generator().manual_seed(1000 * (seed + 1) + i) for i in range(repeats)]
        # One direction and order for a whole category: labels that mean a place, but no part.
        slabs = Generator().manual_seed(seed)
        self.direction = torch.randn(repeats, categories, 3, generator=slabs)
        self.order = torch.rand(repeats, categories, max(self.most, 1), generator=slabs)

    def exchanged(self, part: Tensor | None, pos: Tensor, category: Tensor) -> Iterator[Tensor]:
        """(B, M) labels from 0 in each category: the true ones, all shuffled ones, all slabs."""
        if part is None or not self.known:
            return
        true = self.local.to(part.device)[category].gather(1, part)  # (B, M)
        yield true
        for stream in self.streams:
            yield shuffle(true, stream)
        for direction, order in zip(self.direction, self.order, strict=True):
            across, sequence = (each.to(part.device)[category] for each in (direction, order))
            yield cut_into_slabs(true, pos, across, sequence)


class _Layer:
    """Sums over the shapes so far, of one layer with H heads and K columns in all."""

    def __init__(self, kind: MapKind, labels: _Labels) -> None:
        self.kind, self.labels = kind, labels
        self.shapes = 0
        self.sums: dict[str, Tensor] = {}

    def add(self, values: Tensor, pos: Tensor, category: Tensor, labels: list[Tensor]) -> None:
        """Add a batch: the map (B, H, M, S), the points (B, M, 3) and one-hot categories (B, C)."""
        self.heads = values.shape[1]
        if self.kind == "points":
            columns = values.mean(2)  # (B, H, M), K = H: what each point receives
            strongest = columns.new_zeros(len(columns), 0, columns.shape[-1])
        else:
            columns = values.transpose(2, 3).flatten(1, 2)  # (B, K, M), K = H · S
            winner = F.one_hot(values.argmax(-1), values.shape[-1])  # (B, H, M, S)
            strongest = winner.transpose(2, 3).flatten(1, 2).to(columns.dtype)
        num = columns.shape[-1]
        share = columns / columns.sum(-1, keepdim=True).clamp(min=1e-30)
        self.shapes += len(share)
        self._sum("entropy", normalized_entropy(share).sum(0))
        self._agree("place", excess(share, soft_cells(pos, NODES)), category)
        if not labels:
            return
        true = self._one_hot(labels[0])
        self._agree("part", excess(share, true), category)
        area = area_under_curve(share, true)  # (B, K, P)
        self._sum("auc", _by(category, area.nan_to_num(0)))
        self._sum("having", _by(category, (~area[:, 0].isnan()).to(share.dtype)))
        self._sum("points", _by(category, true.sum(1)))
        lit = torch.cat([(share * num > 1 + ROUNDING).to(share.dtype), strongest], dim=1)
        self._sum("met", torch.stack([_by(category, lit @ self._one_hot(each)) for each in labels]))

    def figures(self, layer: int) -> tuple[list[SlotFigures], list[LayerFigures], Tensor]:
        """The figures of each column, of each head, and each column's (K, parts) areas."""
        sums = {name: each.cpu().double() for name, each in self.sums.items()}
        entropy = sums["entropy"] / self.shapes  # (K,)
        within, elsewhere = mean_cosines(sums["place"], sums["place count"])
        num = len(entropy) // self.heads
        slots: list[dict[str, Any]] = [
            {
                "layer": layer,
                "head": i // num,
                "slot": i % num if self.kind == "slots" else None,
                "entropy": float(entropy[i]),
                "agreement": _known(within[i]),
                "agreement_elsewhere": _known(elsewhere[i]),
            }
            for i in range(len(entropy))
        ]
        heads: list[dict[str, Any]] = [
            {"layer": layer, "head": h, "entropy": float(each.mean())}
            for h, each in enumerate(entropy.view(self.heads, num))
        ]
        parts = self.labels.taxonomy.parts
        auc = torch.full((len(slots), len(parts)), torch.nan)
        if "met" in sums:
            self._tell_parts(sums, slots, heads, auc)
        return [SlotFigures(**s) for s in slots], [LayerFigures(**h) for h in heads], auc

    def _tell_parts(
        self,
        sums: dict[str, Tensor],
        slots: list[dict[str, Any]],
        heads: list[dict[str, Any]],
        auc: Tensor,
    ) -> None:
        taxonomy = self.labels.taxonomy
        agreement, _ = mean_cosines(sums["part"], sums["part count"])
        lit, strongest = sums["met"].split([len(slots), sums["met"].shape[2] - len(slots)], dim=2)
        several = (sums["points"] > 0).sum(-1) > 1  # (C,) categories that have parts to tell
        lit, strongest = lit[:, several], strongest[:, several]  # (1 + 2R, C, K, P)
        dark = sums["points"][several].unsqueeze(1) - lit
        nmi = normalized_mutual_information(torch.stack([lit, dark], dim=-2)).mean(1)
        having = sums["having"].unsqueeze(1)  # (C, 1, P)
        area = torch.where(having > 0, sums["auc"] / having.clamp(min=1), torch.nan)
        for category, ids in enumerate(taxonomy.parts_of):
            auc[:, list(ids)] = area[category, :, : len(ids)].float()
        enough = [
            part
            for category, ids in enumerate(taxonomy.parts_of)
            for i, part in enumerate(ids)
            if sums["having"][category, i] >= FEWEST_SHAPES
        ]
        for i, slot in enumerate(slots):
            slot["part_agreement"] = _known(agreement[i])
            if bool(several.any()):
                slot |= _against_chance(nmi[:, i], self.labels.repeats)
            if enough:
                best = int(auc[i, enough].argmax())
                slot |= {"part": taxonomy.parts[enough[best]], "auc": float(auc[i, enough[best]])}
        if self.kind == "points" or not bool(several.any()):
            return
        per_head = normalized_mutual_information(strongest.unflatten(2, (self.heads, -1))).mean(1)
        for h, head in enumerate(heads):
            head |= _against_chance(per_head[:, h], self.labels.repeats)
            own = [SlotFigures(**slot).above_chance for slot in slots if slot["head"] == h]
            head["above_chance"] = sum(map(bool, own)) / len(own)

    def _one_hot(self, labels: Tensor) -> Tensor:
        return F.one_hot(labels, self.labels.most).float()  # (B, M, P)

    def _agree(self, name: str, direction: Tensor, category: Tensor) -> None:
        """Add (B, K, G) unit vectors to their categories, and count those that are not 0."""
        self._sum(name, _by(category, direction))
        self._sum(f"{name} count", _by(category, (direction != 0).any(-1).to(direction.dtype)))

    def _sum(self, name: str, value: Tensor) -> None:
        self.sums[name] = self.sums[name] + value if name in self.sums else value


def _by(category: Tensor, value: Tensor) -> Tensor:
    """(C, …) sums of (B, …) over the shapes of each category; unlike index_add, repeatable."""
    return (category.T @ value.flatten(1)).view(-1, *value.shape[1:])


def _against_chance(nmi: Tensor, repeats: int) -> dict[str, float]:
    """The figure with the true labels, (1 + 2R,) first, and what the exchanged ones gave."""
    found = {"nmi": float(nmi[0])}
    for name, values in (("shuffled", nmi[1 : 1 + repeats]), ("slabs", nmi[1 + repeats :])):
        found |= {f"{name}_mean": float(values.mean()), f"{name}_95": float(quantile(values, 0.95))}
    return found


def _known(value: Tensor) -> float | None:
    return None if bool(value.isnan()) else float(value)
