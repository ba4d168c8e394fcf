"""What the slots of an attention come to mean, over a whole data set."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from pcea.attention import MapKind
from pcea.datasets import Clouds, Taxonomy
from pcea.errors import InputError, checked
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
from pcea.evaluation.fit import require_part_labels
from pcea.evaluation.slot_figures import LayerFigures, SlotFigures, SlotStatistics
from pcea.geometry import knn, quantile
from pcea.models import PointModel
from pcea.models.base import evaluating
from pcea.models.prediction import recording

# Nodes along each axis of the cube around the unit sphere. Points are sampled at random, so on
# finer cells even slots that cover the same region would seem to differ.
NODES = 4
# A slot's best part must occur in this many shapes, or a high AUC may be chance.
FEWEST_SHAPES = 3
# A value must exceed its shape's mean by more than rounding errors.
ROUNDING = 1e-4


@checked(num_points=1, batch_size=1, repeats=1)
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
    if not len(clouds):
        raise InputError("there are no clouds to measure slots on")
    require_part_labels(clouds)
    kinds = [each.map_kind for each in model.encoder.attentions]
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
    slots, heads, auc = zip(*(layer.figures(i) for i, layer in enumerate(layers)), strict=True)
    return SlotStatistics(
        kind=kinds[0],
        clouds=len(clouds),
        points=tokens.pos.shape[1],
        repeats=repeats,
        seed=seed,
        slots=tuple(chain.from_iterable(slots)),
        layers=tuple(chain.from_iterable(heads)),
        taxonomy=taxonomy,
        auc=torch.cat(auc),
    )


class _Labels:
    """Part labels within each category, and their permutations for the baselines."""

    def __init__(self, clouds: Clouds, taxonomy: Taxonomy, repeats: int, seed: int) -> None:
        self.taxonomy, self.repeats = taxonomy, repeats
        self.most = max(map(len, taxonomy.parts_of), default=0)
        place = taxonomy.part_mask().long().cumsum(1) - 1  # (C, P), of a part in its category
        self.local = place.clamp(min=0).to(clouds.pos.device)
        # Every repeat draws from its own stream, so that the size of a batch does not matter.
        self.streams = [Generator().manual_seed(1000 * (seed + 1) + i) for i in range(repeats)]
        # One direction and order for a whole category: labels that mean a place, but no part.
        slabs = Generator().manual_seed(seed)
        size = repeats, len(taxonomy.categories)
        self.direction = torch.randn(*size, 3, generator=slabs)
        self.order = torch.rand(*size, max(self.most, 1), generator=slabs)

    def exchanged(self, part: Tensor | None, pos: Tensor, category: Tensor) -> Iterator[Tensor]:
        """(B, M) labels from 0 in each category: the true ones, all shuffled ones, all slabs."""
        if part is None or not self.taxonomy.parts:
            return
        true = self.local[category].gather(1, part)  # (B, M)
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
        share = columns / columns.sum(-1, keepdim=True).clamp(min=1e-30)
        self.shapes += len(share)
        found = {"entropy": normalized_entropy(share).sum(0)}
        directions = {"place": excess(share, soft_cells(pos, NODES))}
        if labels:
            parts = [F.one_hot(each, self.labels.most).float() for each in labels]  # (B, M, P)
            directions["part"] = excess(share, parts[0])
            area = area_under_curve(share, parts[0])  # (B, K, P)
            found["auc"] = _by(category, area.nan_to_num(0))
            found["having"] = _by(category, (~area[:, 0].isnan()).to(share.dtype))
            found["points"] = _by(category, parts[0].sum(1))
            above = (share * share.shape[-1] > 1 + ROUNDING).to(share.dtype)
            lit = torch.cat([above, strongest], dim=1)
            found["met"] = torch.stack([_by(category, lit @ each) for each in parts])
        for name, direction in directions.items():  # (B, K, G) unit vectors, or 0
            found[name] = _by(category, direction)
            found[f"{name} count"] = _by(category, (direction != 0).any(-1).to(share.dtype))
        for name, value in found.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def figures(self, layer: int) -> tuple[list[SlotFigures], list[LayerFigures], Tensor]:
        """The figures of each column, of each head, and each column's (K, parts) areas."""
        sums = {name: each.cpu().double() for name, each in self.sums.items()}
        taxonomy, heads = self.labels.taxonomy, self.heads
        entropy = sums["entropy"] / self.shapes
        num = len(entropy) // heads
        columns = {"entropy": entropy}  # (K,) each, NaN where unknown
        within_and_elsewhere = mean_cosines(sums["place"], sums["place count"])
        columns["agreement"], columns["agreement_elsewhere"] = within_and_elsewhere
        each_head = {"entropy": entropy.view(heads, num).mean(1)}
        auc = torch.full((len(entropy), len(taxonomy.parts)), torch.nan)
        enough: list[int] = []  # parts that occur in enough shapes
        if "met" in sums:
            columns["part_agreement"], _ = mean_cosines(sums["part"], sums["part count"])
            several = (sums["points"] > 0).sum(-1) > 1  # (C,) categories with parts to tell apart
            met = sums["met"][:, several]  # (1 + 2R, C, columns and strongest, P)
            lit, strongest = met[:, :, : len(entropy)], met[:, :, len(entropy) :]
            dark = sums["points"][several].unsqueeze(1) - lit
            if bool(several.any()):
                columns |= self._against_chance(torch.stack([lit, dark], dim=-2))
                if self.kind == "slots":
                    each_head |= self._against_chance(strongest.unflatten(2, (heads, num)))
            for category, ids in enumerate(taxonomy.parts_of):
                having = sums["having"][category, : len(ids)]  # (P,)
                area = sums["auc"][category, :, : len(ids)] / having.clamp(min=1)
                auc[:, list(ids)] = torch.where(having > 0, area, torch.nan).float()
                enough += [ids[i] for i in (having >= FEWEST_SHAPES).nonzero()[:, 0].tolist()]
        slots = []
        for i in range(len(entropy)):
            known: dict[str, Any] = {name: _known(each[i]) for name, each in columns.items()}
            if enough:
                best = enough[int(auc[i, enough].argmax())]
                known |= {"part": taxonomy.parts[best], "auc": float(auc[i, best])}
            slot = i % num if self.kind == "slots" else None
            slots.append(SlotFigures(layer=layer, head=i // num, slot=slot, **known))
        layers = []
        for h in range(heads):
            known = {name: _known(each[h]) for name, each in each_head.items()}
            if "nmi" in known:
                known["above_chance"] = (
                    sum(bool(s.above_chance) for s in slots if s.head == h) / num
                )
            layers.append(LayerFigures(layer=layer, head=h, **known))
        return slots, layers, auc

    def _against_chance(self, counts: Tensor) -> dict[str, Tensor]:
        """Association with the labels, of counts (1 + 2R, C, K, A, P): the true ones come first."""
        nmi = normalized_mutual_information(counts).mean(1)  # (1 + 2R, K)
        found, (shuffled, slabs) = {"nmi": nmi[0]}, nmi[1:].split(self.labels.repeats)
        for name, values in (("shuffled", shuffled), ("slabs", slabs)):
            found[f"{name}_mean"] = values.mean(0)
            found[f"{name}_95"] = quantile(values, 0.95, dim=0)
        return found


def _by(category: Tensor, value: Tensor) -> Tensor:
    """(C, …) sums of (B, …) over the shapes of each category; unlike index_add, repeatable."""
    return (category.T @ value.flatten(1)).view(-1, *value.shape[1:])


def _known(value: Tensor) -> float | None:
    return None if bool(value.isnan()) else float(value)
