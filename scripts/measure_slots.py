#!/usr/bin/env python3
"""Print the tables of docs/slots.md: what slots mean in trained and untrained models.

    python scripts/measure_slots.py WEIGHTS [WEIGHTS …] --dataset meshparts23 --split val

Each model is measured with its weights, and with random weights of several seeds, for which the
normalization statistics are taken from the clouds without using labels.
"""

import argparse
import statistics
import sys
from pathlib import Path

import torch
from torch import nn

from pcea.datasets import Clouds, PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.evaluation import SlotStatistics, measure_slots
from pcea.models import PointModel, create_model, load_model

# How many rows the table of single slots has.
SHOWN = 12
HEAD = (
    "| model, attention, trained on | entropy | agreement within, between categories | "
    "NMI of a slot: median, best | slabs: median | above chance | AUC of the best part: median |\n"
    "|---|---|---|---|---|---|---|"
)
LAYERS = (
    "| model, attention, trained on | layer | entropy | NMI of the strongest slot | shuffled | "
    "slabs | above chance |\n|---|---|---|---|---|---|---|"
)
SLOTS = "| slot | best part | AUC | NMI | slabs: mean, 95 % | entropy |\n|---|---|---|---|---|---|"


def main() -> None:
    """Measure the models that the command line names."""
    parser = argparse.ArgumentParser(description="Print the tables of docs/slots.md.")
    parser.add_argument("weights", nargs="+", help="run folders, weights files or names")
    parser.add_argument("--dataset", default="meshparts23")
    parser.add_argument("--split", default="val")
    parser.add_argument("--data-root", type=Path, default=None)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3, help="untrained models of each kind")
    wanted = parser.parse_args()
    try:
        data = load_dataset(wanted.dataset, wanted.split, wanted.data_root)
        measure(wanted.weights, data, wanted.repeats, wanted.seeds)
    except InputError as error:
        print(f"measure_slots: {error}", file=sys.stderr)
        raise SystemExit(2) from error


def measure(weights: list[str], data: PointCloudDataset, repeats: int, seeds: int) -> None:
    """Print the three tables."""
    heads, layers, first = [], [], None
    for each in weights:
        model = load_model(each)
        bare = f"{model.info.name}, {model.encoder.attention}"
        name = f"{bare}, {model.info.dataset}"
        found = measure_slots(model, data.clouds, data.taxonomy, repeats=repeats)
        first = first or found
        untrained = [
            measure_slots(fresh(model, data.clouds, seed), data.clouds, data.taxonomy,
                          repeats=repeats)
            for seed in range(seeds)
        ]  # fmt: skip
        heads += [row(name, [found]), row(f"{bare}, untrained", untrained)]
        layers += layer_rows(name, [found]) + layer_rows(f"{bare}, untrained", untrained)
    assert first is not None
    print(
        f"{first.clouds} clouds of {data.name} {data.split}, {first.points} points each, ", end=""
    )
    print(f"{first.repeats} repeats, seed {first.seed}; untrained: seeds 0 to {seeds - 1}\n")
    print("\n".join([HEAD, *heads, "", LAYERS, *layers, "", SLOTS, *slot_rows(first)]))


def fresh(model: PointModel, clouds: Clouds, seed: int) -> PointModel:
    """Make the same architecture untrained, with the normalization statistics of the clouds."""
    info = model.info
    torch.manual_seed(seed)
    new = create_model(info.name, info.taxonomy, num_points=info.num_points, **info.options)
    for module in new.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # a mean over all batches
    points = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for index in torch.randperm(len(clouds), generator=points).split(32):
            batch = clouds.batch(index, info.num_points, points)
            new.encoder(batch.pos, batch.normal)
    return new.eval()


def row(name: str, several: list[SlotStatistics]) -> str:
    """Write a model's row of the first table; of several seeds, the mean."""

    def over(what: str, how: str = "median") -> str:
        values = [
            [value for each in one.slots if (value := getattr(each, what)) is not None]
            for one in several
        ]
        function = max if how == "max" else statistics.median
        return number([function(each) for each in values if each])

    chance = [
        [each.slabs_mean for each in one.slots if each.slabs_mean is not None] for one in several
    ]
    above = [
        sum(map(bool, (e.above_chance for e in one.slots))) / len(one.slots) for one in several
    ]
    return (
        f"| {name} | {over('entropy')} | {over('agreement')}, {over('agreement_elsewhere')} | "
        f"{over('nmi')}, {over('nmi', 'max')} | {number([statistics.median(c) for c in chance])} | "
        f"{100 * statistics.mean(above):.0f} % | {over('auc')} |"
    )


def layer_rows(name: str, several: list[SlotStatistics]) -> list[str]:
    """Write one row per layer of the second table, the mean of heads; none among points."""
    rows = []
    for layer in sorted({each.layer for each in several[0].layers}):
        own = [each for one in several for each in one.layers if each.layer == layer]
        if any(each.nmi is None for each in own):
            continue
        figures = [
            number([each.entropy for each in own]),
            number([each.nmi for each in own if each.nmi is not None]),
            number([each.shuffled_mean for each in own if each.shuffled_mean is not None]),
            number([each.slabs_mean for each in own if each.slabs_mean is not None]),
        ]
        above = statistics.mean(each.above_chance or 0.0 for each in own)
        rows.append(f"| {name} | {layer} | {' | '.join(figures)} | {100 * above:.0f} % |")
    return rows


def slot_rows(found: SlotStatistics) -> list[str]:
    """Write the rows of the slots of the first model that tell most."""
    return [
        f"| {each.name} | {each.part} | {each.auc:.2f} | {each.nmi:.3f} | "
        f"{each.slabs_mean:.3f}, {each.slabs_95:.3f} | {each.entropy:.2f} |"
        for each in found.telling()[:SHOWN]
        if each.slabs_mean is not None
    ]


def number(values: list[float]) -> str:
    """Write the mean, and the standard deviation of several values."""
    if not values:
        return "–"
    mean = f"{statistics.mean(values):.2f}"
    return f"{mean} ± {statistics.stdev(values):.2f}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
