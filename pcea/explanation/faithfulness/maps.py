"""The maps of one cloud that are tested: one value per point, from one forward pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from pcea.datasets import Batch
from pcea.explanation.explain import choose_columns
from pcea.explanation.importance import own_parts, pooled_shares, position_saliency
from pcea.formats import Cloud
from pcea.models import AttentionMap, PointModel, Prediction
from pcea.models.attention_map import attention_maps
from pcea.models.base import QUERIES

# What each map is called in tables and pictures.
TITLES: Mapping[str, str] = {
    "slots": "all slots together",
    "slot": "the most telling slot",
    "any_slot": "one slot at random",
    "received": "attention received",
    "query": "what one point reads",
    "critical": "critical points",
    "saliency": "saliency",
    "random": "random points",
    "regions": "random regions",
    "shuffled_weights": "attention with shuffled weights",
}
# What each pointing game is called.
GAMES: Mapping[str, str] = {
    "slots": "each slot",
    "received": "what points receive, each head",
    "saliency": "saliency of each part",
}
# The map of all attention together, by the kind of attention.
TOGETHER = {"slots": "slots", "points": "received"}

# A map must vary by more than rounding errors, relative to its largest value.
ROUNDING = 1e-5

# The layer and the column of each map that is a single column of the attention.
Columns = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class CloudMaps:
    """What is known of the N points of one cloud, on the CPU.

    Args:
        pos: (N, 3) the positions that the model took, in the unit sphere.
        normal: (N, 3), estimated where the model needs unknown ones; None: it has none.
        values: the maps by name, (N,) each; a higher value means a more important point.
        columns: which columns of the attention some of the maps are.
        peaks: (K,) the point at which each column of the attention is highest: for each layer and
            head each slot, or what points receive.
        of_parts: for each part that points are given, the point with the highest saliency.
    """

    pos: Tensor
    normal: Tensor | None
    values: Mapping[str, Tensor]
    columns: Columns
    peaks: Tensor
    of_parts: Mapping[int, int] = field(default_factory=dict)


def cloud_maps(
    model: PointModel,
    batch: Batch,
    generator: Generator,
    use_category: bool = True,
    columns: Columns | None = None,
    pointing: bool = True,
) -> CloudMaps:
    """Compute the maps of a batch of one cloud, as :func:`pcea.explain` computes them.

    The score of saliency is the logit of the true category, or the sum over all points of the logit
    of the true part.

    Args:
        model: the model, with its parameters on the device of the batch.
        batch: one cloud of as many points as the model takes, with its labels.
        generator: draws the column that is a slot, or a query point, at random.
        use_category: whether a segmenter is given the category.
        columns: the columns of another model of the same sizes. Default: they are chosen.
        pointing: whether to compute ``of_parts``, which takes a gradient per part.
    """
    category = int(batch.category)
    parts = model.task == "segmentation"
    name = model.info.taxonomy.categories[category] if parts and use_category else None
    shape = Cloud(batch.pos[0], None if batch.normal is None else batch.normal[0])
    found = model.predict(shape, 1, "y", name, gradients=True)
    (vote,) = found.encoded
    layers = attention_maps(found, QUERIES) if len(model.encoder.layers) else ()
    values = {}
    if layers:
        values[TOGETHER[layers[-1].kind]] = torch.stack([each.together for each in layers]).mean(0)
        columns = _choose(layers, generator) if columns is None else columns
        for key, (layer, column) in columns.items():
            values[key] = layers[layer].shares[:, column]
    _, nearby = pooled_shares(model, vote.recorded)
    if not nearby.isnan().any():
        values["critical"] = nearby.cpu()
    with torch.enable_grad():
        if batch.part is not None and parts:
            score = vote.logits.gather(1, batch.part[0, :, None]).sum()
        else:
            score = vote.logits[category]
        of_parts = _most_salient(found, category) if parts and pointing else {}
        values["saliency"] = position_saliency([vote], [score])[0].cpu()
    normal = None if vote.input.normal is None else vote.input.normal[0].cpu()
    return CloudMaps(
        pos=vote.input.pos[0].detach().cpu(),
        normal=normal,
        values={key: _without_rounding(each) for key, each in values.items()},
        columns=columns or {},
        peaks=torch.cat([_peaks(each) for each in layers]) if layers else torch.empty(0).long(),
        of_parts=of_parts,
    )


def _without_rounding(values: Tensor) -> Tensor:
    """Make values equal that differ only by rounding, or their order would be one of noise."""
    low, high = values.aminmax()
    flat = float(high - low) <= ROUNDING * float(values.abs().max())
    return torch.zeros_like(values) if flat else values


def _choose(layers: tuple[AttentionMap, ...], generator: Generator) -> dict[str, tuple[int, int]]:
    """Choose the columns that are tested by themselves; of rows, one of the query points'."""
    layer = int(torch.randint(len(layers), (), generator=generator))
    count = layers[layer].shares.shape[1]
    if layers[-1].kind == "points":
        return {"query": (layer, int(torch.randint(1, count, (), generator=generator)))}
    (telling,) = choose_columns(layers[-1], 1)
    return {
        "slot": (telling.layer, telling.index),
        "any_slot": (layer, int(torch.randint(count, (), generator=generator))),
    }


def _peaks(layer: AttentionMap) -> Tensor:
    values = layer.values if layer.kind == "slots" else layer.values[..., :1]
    return values.argmax(1).flatten()


def _most_salient(found: Prediction, category: int) -> dict[int, int]:
    """Find for each part that points are given the point with the highest saliency."""
    (vote,) = found.encoded
    given = own_parts(found, category)[0].to(vote.logits.device)  # (N,)
    most = {}
    for part in given.unique().tolist():
        score = (vote.logits[:, part] * (given == part)).sum()
        most[part] = int(position_saliency([vote], [score], retain_graph=True)[0].argmax())
    return most
