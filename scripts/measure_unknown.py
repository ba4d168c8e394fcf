#!/usr/bin/env python3
"""Measure how well a calibrated model tells shapes of a kind that it has never seen.

    scripts/measure_unknown.py modelnet40-eat-small --out runs/unknown --data-root data
    scripts/measure_unknown.py everyday-eat-tiny --others modelnet40 --unknown bed sofa

With ``--out`` a recipe is trained anew without eight categories, drawn by the seed, and its last
weights are calibrated; the same command goes on where it was stopped. With ``--others`` calibrated
weights are taken as they are, and the unknown clouds are those of some categories of another data
set. The known clouds are those of the model's own validation split, or that of ``--known``, without
these categories. The table has, for each score that tells how unusual a cloud is, the AUROC: the
share of pairs of a known and an unknown cloud in which the unknown one has the higher score. It
also says how many of both are called unsure.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Generator, Tensor

from pcea.datasets import PointCloudDataset, Taxonomy, load_dataset
from pcea.errors import InputError
from pcea.evaluation import make_trustworthy
from pcea.evaluation.evaluate import sample_of
from pcea.models import Classifier, PointModel, load_model
from pcea.models.familiarity import of_shape, strangeness
from pcea.recipes import get_recipe
from pcea.training import RunFolder, train

BATCH = 32


def draw(data: PointCloudDataset, count: int, seed: int) -> list[int]:
    """Draw the categories that are left out, ascending."""
    total = len(data.taxonomy.categories)
    if not 1 <= count <= total - 2:
        raise InputError(f"--left-out {count} must be 1 to {total - 2} of {total} categories")
    order = torch.randperm(total, generator=Generator().manual_seed(seed))
    return sorted(order[:count].tolist())


def split(
    data: PointCloudDataset, left_out: list[int]
) -> tuple[PointCloudDataset, PointCloudDataset]:
    """Part a split into the clouds of known categories, numbered anew, and all others."""
    names = data.taxonomy.categories
    kept = [i for i in range(len(names)) if i not in left_out]
    new = torch.full((len(names),), -1)
    new[kept] = torch.arange(len(kept))
    clouds = data.clouds
    known = new[clouds.category] >= 0
    own = clouds.select(known)
    own = replace(own, category=new[own.category], part=None)
    taxonomy = Taxonomy(tuple(names[i] for i in kept))
    return (
        replace(data, clouds=own, taxonomy=taxonomy, task="classification"),
        replace(data, clouds=clouds.select(~known)),
    )


@torch.no_grad()
def scores(model: PointModel, data: PointCloudDataset) -> dict[str, Tensor]:
    """Compute how unusual each cloud is, (M,), by each score; higher is more unusual."""
    assert model.familiarity is not None
    found: dict[str, list[Tensor]] = {"strangeness": [], "distance": [], "1 - probability": []}
    if model.task == "classification":
        found["energy"] = []
    sample = sample_of(model)
    for index in torch.arange(len(data)).split(BATCH):
        batch = data.clouds.batch(index, model.info.num_points, sample)
        features = model.features(batch.pos, batch.normal)
        logits = model.last_layer(features)
        probability = model.category_probability(logits.softmax(-1))
        distance = model.familiarity.distance(of_shape(features))
        found["strangeness"].append(strangeness(distance, probability))
        found["distance"].append(distance)
        found["1 - probability"].append(1 - probability.amax(-1))
        if model.task == "classification":
            found["energy"].append(-logits.logsumexp(-1))
    return {name: torch.cat(each) for name, each in found.items()}


def auroc(known: Tensor, unknown: Tensor) -> float:
    """Compute the share of pairs in which the unknown one is higher; equal ones count half."""
    higher = (unknown.unsqueeze(1) > known).double()
    equal = (unknown.unsqueeze(1) == known).double()
    return float((higher + equal / 2).mean())


def unsure(model: PointModel, found: dict[str, Tensor]) -> float:
    """Compute the share of the answers that are unsure."""
    limits = model.info.limits
    by_either = (found["1 - probability"] > 1 - limits["probability"]) | (
        found["strangeness"] > limits["strangeness"]
    )
    return float(by_either.double().mean())


def trained_without(
    wanted: argparse.Namespace,
) -> tuple[PointModel, PointCloudDataset, PointCloudDataset]:
    """Train a recipe without some categories: the model, known clouds and unknown ones."""
    recipe = replace(get_recipe(wanted.model), seed=wanted.seed)
    recipe = replace(recipe, epochs=wanted.epochs or recipe.epochs)
    data = {s: load_dataset(recipe.dataset, s, wanted.data_root) for s in ("train", "val")}
    left_out = draw(data["val"], wanted.left_out, wanted.seed)
    known = {name: split(each, left_out)[0] for name, each in data.items()}
    begun = RunFolder(wanted.out).recipe.exists()
    model = load_model(train(recipe, wanted.out, resume=begun, dataset=known).last)
    if not isinstance(model, Classifier):
        raise InputError(f"{wanted.model} does not train a classifier")
    make_trustworthy(model, known["train"].clouds, known["val"].clouds, recipe.num_points)
    return model, known["val"], split(data["val"], left_out)[1]


def as_it_is(
    wanted: argparse.Namespace,
) -> tuple[PointModel, PointCloudDataset, PointCloudDataset]:
    """Load a calibrated model: the model, the clouds of its validation split, and unknown ones."""
    model = load_model(wanted.model)
    if not isinstance(model, PointModel) or model.familiarity is None or not model.info.dataset:
        raise InputError(f"{wanted.model} is not calibrated: see pcea calibrate")
    others = load_dataset(wanted.others, "val", wanted.data_root)
    chosen = [others.taxonomy.category_id(name) for name in wanted.unknown]
    names = [others.taxonomy.categories[i] for i in chosen]
    if both := {n.casefold() for n in model.info.taxonomy.categories} & {*map(str.casefold, names)}:
        raise InputError(f"--unknown: {wanted.model} knows {min(both)!r}")
    if wanted.known == wanted.others:
        return model, *split(others, chosen)
    known = load_dataset(wanted.known or model.info.dataset, "val", wanted.data_root)
    return model, known, split(others, chosen)[1]


def main(words: list[str] | None = None) -> None:
    """Get a model, measure and print."""
    parser = argparse.ArgumentParser(prog="measure_unknown", description=__doc__.splitlines()[0])
    parser.add_argument("model", help="with --out a recipe, with --others weights")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--out", type=Path, help="the run folder in which the recipe is trained")
    source.add_argument("--others", metavar="NAME", help="the data set of the unknown clouds")
    parser.add_argument("--unknown", nargs="+", metavar="CATEGORY", help="with --others")
    parser.add_argument("--known", metavar="NAME", help="with --others; default: the model's own")
    parser.add_argument("--left-out", type=int, default=8, metavar="N", help="with --out")
    parser.add_argument("--seed", type=int, default=0, help="with --out")
    parser.add_argument("--epochs", type=int, help="with --out; default: the recipe's")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    wanted = parser.parse_args(words)
    if bool(wanted.others) != bool(wanted.unknown):
        parser.error("--others and --unknown belong together")
    try:
        model, known, unknown = (as_it_is if wanted.others else trained_without)(wanted)
    except InputError as error:
        sys.exit(f"measure_unknown: {error}")
    ids = unknown.clouds.category.unique().tolist()
    names = [unknown.taxonomy.categories[i] for i in ids]
    print(
        f"never seen: {', '.join(names)}; {len(known)} known clouds, {len(unknown)} unknown ones\n"
    )
    own, other = scores(model, known), scores(model, unknown)
    areas = {name: auroc(own[name], other[name]) for name in own}
    print("| score | AUROC |\n|---|---|")
    for name, area in areas.items():
        print(f"| {name} | {area:.3f} |")
    shares = {"known": unsure(model, own), "unknown": unsure(model, other)}
    print(
        f"\nunsure: {100 * shares['known']:.1f} % of the known clouds, "
        f"{100 * shares['unknown']:.1f} % of the unknown ones"
    )
    if wanted.json is not None:
        figures = {"never_seen": names, "auroc": areas, "unsure": shares}
        wanted.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
