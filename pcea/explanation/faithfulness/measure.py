"""Measure how faithful the maps of a model are, over a sample of a data set."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from scipy.special import stdtrit
from torch import Generator, Tensor

from pcea.datasets import Batch, Clouds
from pcea.defaults import FAITHFULNESS_CLOUDS
from pcea.errors import InputError, checked
from pcea.evaluation.association import rank_correlation
from pcea.evaluation.fit import check_labels, require_part_labels
from pcea.explanation.faithfulness.curves import (
    Labeled,
    area,
    can_be_thinned,
    counts,
    curve,
    figures_of,
    order_by,
    random_points,
    random_regions,
)
from pcea.explanation.faithfulness.figures import Curve, Difference, Faithfulness, PointingGame
from pcea.explanation.faithfulness.maps import TITLES, TOGETHER, CloudMaps, cloud_maps
from pcea.explanation.faithfulness.pointing import point_by_columns, point_to_parts
from pcea.explanation.faithfulness.randomization import shuffle_from_the_output
from pcea.geometry import unit_sphere
from pcea.models import PointModel
from pcea.models.base import uncompiled
from pcea.models.encoder import AttentionLayer

# Orders that no map gives.
DRAWN: Mapping[str, Callable[[Tensor, Generator], Tensor]] = {
    "random": random_points,
    "regions": random_regions,
}
# What maps are compared with; without an attention map, the last one is not there.
BASELINES = (*DRAWN, "shuffled_weights")


@checked(num_clouds=2, num_points=3, batch_size=2, repeats=1)
def measure_faithfulness(
    model: PointModel,
    clouds: Clouds,
    num_clouds: int = FAITHFULNESS_CLOUDS,
    num_points: int | None = None,
    batch_size: int = 32,
    use_category: bool = True,
    repeats: int = 3,
    seed: int = 0,
) -> Faithfulness:
    """Measure whether the maps of a model tell what its predictions depend on.

    The maps are those of :func:`pcea.explain`: attention, critical points and saliency, each for
    the true label. docs/faithfulness.md defines the figures. All points count: stray points are
    not left out. The model is left as it was.

    Args:
        model: a classifier or a segmenter, with any attention.
        clouds: the split; it is moved to the model's device.
        num_clouds: how many of its clouds are drawn; all if there are fewer.
        num_points: points of each cloud that the model takes. Default: as in training.
        batch_size: clouds at a time; the figures depend on it only through the statistics of
            shuffled weights.
        use_category: whether a segmenter is given the category.
        repeats: how many random orders each cloud gets.
        seed: of the clouds, their points, the random orders, and the shuffled weights.

    Raises:
        InputError: fewer than two clouds can be measured, a count is too small, the model does not
            know a category or a part, or a segmenter lacks part labels.
    """
    # A copy, which may be changed.
    model = copy.deepcopy(uncompiled(model)).eval().requires_grad_(False)
    model.clean = False  # or points would be left out that are alone because others were left out
    check_labels(model, clouds)
    require_part_labels(clouds)
    draw = Generator().manual_seed(seed)
    num_points = model.info.num_points if num_points is None else num_points
    model.info = replace(model.info, num_points=num_points)
    index = torch.randperm(len(clouds), generator=draw)[:num_clouds].sort().values
    whole = clouds[index].to(model.device)
    batches = [whole.batch([i], num_points, draw) for i in range(len(whole))]
    fit = [can_be_thinned(unit_sphere(each.pos[0])) for each in batches]
    ids = [i for i, fits in zip(index.tolist(), fit, strict=True) if fits]
    batches = [each for each, fits in zip(batches, fit, strict=True) if fits]
    if len(batches) < 2:
        raise InputError(
            f"{len(batches)} of {len(index)} clouds can be measured, and 2 are needed: a cloud "
            "must have points at different places, not only near its center"
        )

    def maps_of(like: Sequence[CloudMaps | None], pointing: bool = True) -> list[CloudMaps]:
        return [
            cloud_maps(
                *(model, batch, _generator(seed, i, 0), use_category),
                None if each is None else each.columns,
                pointing,
            )
            for i, batch, each in zip(ids, batches, like, strict=True)
        ]

    maps = maps_of([None] * len(batches))
    labeled = _labeled(model, batches, maps, use_category)
    trained = copy.deepcopy(model)
    blocks, correlation = list[str](), {name: list[float]() for name in maps[0].values}
    for block in shuffle_from_the_output(model, labeled, batch_size, draw):
        blocks.append(block)
        pairs = list(zip(maps, maps_of(maps, pointing=False), strict=True))
        for name, values in correlation.items():
            each = torch.stack([rank_correlation(a.values[name], b.values[name]) for a, b in pairs])
            values.append(float(each.mean()))
    shuffled = maps_of(maps)

    kind = None
    if len(model.encoder.layers):
        kind = cast(AttentionLayer, model.encoder.layers[-1]).attention.map_kind
    orders = _orders(ids, maps, shuffled, kind, repeats, seed)
    num_given = counts(num_points)
    given = torch.tensor(num_given) / num_points
    batched = [labeled.select(i) for i in torch.arange(len(batches)).split(batch_size)]
    wholes = [figures_of(trained, each) for each in batched]

    def curves(order: Tensor) -> Tensor:
        """Measure each cloud along (M, N): (M, counts, 2)."""
        each = zip(batched, order.split(batch_size), wholes, strict=True)
        return torch.cat([curve(trained, *some) for some in each])

    insertion = {name: _mean(map(curves, each)) for name, each in orders.items()}
    # Leaving out the first points means to give the last ones; of random points, as good as first.
    deletion = {
        name: insertion[name] if name == "random" else _mean(map(curves, each.flip(-1)))
        for name, each in orders.items()
    }
    return Faithfulness(
        attention=model.encoder.attention,
        kind=kind,
        clouds=len(batches),
        left_out=len(index) - len(batches),
        num_points=num_points,
        repeats=repeats,
        seed=seed,
        deleted=tuple((num_points - count) / num_points for count in reversed(num_given)),
        inserted=tuple(count / num_points for count in num_given),
        deletion=_figures(deletion, given, -1),
        insertion=_figures(insertion, given, 1),
        pointing=_pointing(batches, maps, shuffled, kind),
        blocks=tuple(blocks),
        correlation={name: tuple(values) for name, values in correlation.items()},
        notes=_notes(model, maps, batches[0], len(index) - len(batches)),
    )


def _generator(seed: int, cloud: int, repeat: int) -> Generator:
    """Draw for one cloud of the split what does not depend on the others that are measured."""
    return Generator().manual_seed((1_000_003 * seed + cloud) * 1_009 + repeat)


def _labeled(
    model: PointModel, batches: Sequence[Batch], maps: Sequence[CloudMaps], use_category: bool
) -> Labeled:
    """Join the clouds, with the positions and normals that the maps are of."""
    parts = model.task == "segmentation"
    normals = [each.normal for each in maps if each.normal is not None]
    return Labeled(
        torch.stack([each.pos for each in maps]).to(model.device),
        torch.stack(normals).to(model.device) if normals else None,
        torch.cat([each.category for each in batches]),
        torch.cat([cast(Tensor, each.part) for each in batches]) if parts else None,
        parts and use_category,
    )


def _orders(
    ids: Sequence[int],
    maps: Sequence[CloudMaps],
    shuffled: Sequence[CloudMaps],
    kind: str | None,
    repeats: int,
    seed: int,
) -> dict[str, Tensor]:
    """Order the points of each cloud by each map, and at random: (orders, M, N) each."""
    several = [dict(each.values) for each in maps]
    if kind is not None:
        for values, other in zip(several, shuffled, strict=True):
            values["shuffled_weights"] = other.values[TOGETHER[kind]]

    found = {}
    for name in several[0]:
        pairs = zip(ids, several, strict=True)
        own = [order_by(values[name], _generator(seed, i, 0)) for i, values in pairs]
        found[name] = torch.stack(own)[None]
    for name, draw in DRAWN.items():
        drawn = [
            [draw(each.pos, _generator(seed, i, repeat)) for i, each in zip(ids, maps, strict=True)]
            for repeat in range(1, repeats + 1)
        ]
        found[name] = torch.stack([torch.stack(each) for each in drawn])
    return {name: found[name] for name in TITLES if name in found}


def _mean(several: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(several)).mean(0)


def _figures(curves: Mapping[str, Tensor], given: Tensor, sign: int) -> dict[str, Curve]:
    """Average the curves (M, counts, 2) over clouds; ``sign`` −1: deletion, small is good."""
    areas = {name: area(each.transpose(1, 2), given) for name, each in curves.items()}  # (M, 2)
    found = {}
    for name, each in curves.items():
        mean = each.mean(0) if sign > 0 else each.mean(0).flip(0)  # (counts, 2)
        probability, accuracy = (tuple(values.tolist()) for values in mean.T)
        gains = {
            baseline: sign * (areas[name] - areas[baseline])[:, 0]
            for baseline in BASELINES
            if baseline in areas and name not in BASELINES
        }
        over = {baseline: _difference(gain) for baseline, gain in gains.items()}
        mean_area, accuracy_area = areas[name].mean(0).tolist()
        found[name] = Curve(probability, accuracy, mean_area, accuracy_area, over)
    return found


def _difference(values: Tensor) -> Difference:
    """The mean of values (M,), and half of its 95 % confidence interval by Student's t."""
    num = len(values)
    margin = float(stdtrit(num - 1, 0.975)) * float(values.double().std()) / num**0.5
    return Difference(float(values.mean()), margin)


def _pointing(
    batches: Sequence[Batch],
    maps: Sequence[CloudMaps],
    shuffled: Sequence[CloudMaps],
    kind: str | None,
) -> dict[str, PointingGame]:
    """Play the games that the labels and the maps allow."""
    if batches[0].part is None:
        return {}
    part = torch.cat([cast(Tensor, each.part) for each in batches]).cpu()
    category = torch.cat([each.category for each in batches]).cpu()
    games: dict[str, list[PointingGame | None]] = {}
    if kind is not None:
        both = [point_by_columns(each, part, category) for each in (maps, shuffled)]
        games[TOGETHER[kind]] = both
    games["saliency"] = [point_to_parts(each, part) for each in (maps, shuffled)]
    return {
        name: replace(own, shuffled_weights=None if other is None else other.hits)
        for name, (own, other) in games.items()
        if own is not None
    }


def _notes(
    model: PointModel, maps: Sequence[CloudMaps], batch: Batch, left_out: int
) -> tuple[str, ...]:
    notes = []
    if left_out:
        notes.append(
            f"{left_out} of {left_out + len(maps)} clouds were left out: too many of their points "
            "are at one place or near the center"
        )
    if not maps[0].columns:
        notes.append(f"{model.info.name} has no attention map")
    if "critical" not in maps[0].values:
        notes.append(f"{model.info.name} pools no maximum, so it has no critical points")
    if batch.part is None:
        notes.append("the points have no part labels, so there is no pointing game")
    for name in maps[0].values:
        flat = sum(bool((each.values[name] == each.values[name][0]).all()) for each in maps)
        if flat:
            notes.append(
                f"{TITLES[name]}: all points of {flat} of {len(maps)} clouds have the same value, "
                "so their order is random, and their correlation is 0"
            )
    return tuple(notes)
