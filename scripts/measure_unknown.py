#!/usr/bin/env python3
"""Measure how well a calibrated classifier tells shapes of a kind that it has never seen.

    scripts/measure_unknown.py modelnet40-eat-small --out runs/unknown --data-root data

The recipe is trained anew without eight categories, drawn by the seed, and its last weights are
calibrated. Then it answers the validation clouds of all categories. The table has, for each score
that tells how unusual a cloud is, the AUROC: the share of pairs of a known and an unknown cloud in
which the unknown one has the higher score. It also says how many of both are called unsure. The
same command goes on where it was stopped.
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
from pcea.models import Classifier, load_model
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
def scores(model: Classifier, data: PointCloudDataset) -> dict[str, Tensor]:
    """Compute how unusual each cloud is, (M,), by each score; higher is more unusual."""
    assert model.familiarity is not None
    found: dict[str, list[Tensor]] = {"distance": [], "1 - probability": [], "energy": []}
    for index in torch.arange(len(data)).split(BATCH):
        features = model.features(data.clouds.batch(index, model.info.num_points).pos)
        logits = model.last_layer(features)
        found["distance"].append(model.familiarity.distance(features))
        found["1 - probability"].append(1 - logits.softmax(-1).amax(-1))
        found["energy"].append(-logits.logsumexp(-1))
    return {name: torch.cat(each) for name, each in found.items()}


def auroc(known: Tensor, unknown: Tensor) -> float:
    """Compute the share of pairs in which the unknown one is higher; equal ones count half."""
    higher = (unknown.unsqueeze(1) > known).double()
    equal = (unknown.unsqueeze(1) == known).double()
    return float((higher + equal / 2).mean())


def main(words: list[str] | None = None) -> None:
    """Train, calibrate, measure and print."""
    parser = argparse.ArgumentParser(prog="measure_unknown", description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("--out", type=Path, required=True, help="the run folder")
    parser.add_argument("--left-out", type=int, default=8, metavar="N", help="how many categories")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    wanted = parser.parse_args(words)
    try:
        recipe = replace(get_recipe(wanted.recipe), seed=wanted.seed)
        recipe = replace(recipe, epochs=wanted.epochs or recipe.epochs)
        data = {s: load_dataset(recipe.dataset, s, wanted.data_root) for s in ("train", "val")}
        left_out = draw(data["val"], wanted.left_out, wanted.seed)
        known = {name: split(each, left_out)[0] for name, each in data.items()}
        unknown = split(data["val"], left_out)[1]
        begun = RunFolder(wanted.out).recipe.exists()
        run = train(recipe, wanted.out, resume=begun, dataset=known)
        model = load_model(run.last)
        if not isinstance(model, Classifier):
            raise InputError(f"{wanted.recipe} does not train a classifier")
        trust = make_trustworthy(
            model, known["train"].clouds, known["val"].clouds, recipe.num_points
        )
    except InputError as error:
        sys.exit(f"measure_unknown: {error}")
    names = ", ".join(data["val"].taxonomy.categories[i] for i in left_out)
    print(f"never seen: {names}; {len(known['val'])} known clouds, {len(unknown)} unknown ones\n")
    own, other = scores(model, known["val"]), scores(model, unknown)
    areas = {name: auroc(own[name], other[name]) for name in own}
    print("| score | AUROC |\n|---|---|")
    for name, area in areas.items():
        print(f"| {name} | {area:.3f} |")
    unsure = (other["1 - probability"] > 1 - trust.limits["probability"]) | (
        other["distance"] > trust.limits["distance"]
    )
    shares = {
        "known": 1 - float(trust.sure.double().mean()),
        "unknown": float(unsure.double().mean()),
    }
    print(
        f"\nunsure: {100 * shares['known']:.1f} % of the known clouds, "
        f"{100 * shares['unknown']:.1f} % of the unknown ones"
    )
    if wanted.json is not None:
        figures = {"left_out": names, "auroc": areas, "unsure": shares}
        wanted.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
