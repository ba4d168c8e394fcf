#!/usr/bin/env python3
"""Compare training from pretrained weights with training from scratch on few shapes.

    scripts/measure_finetuning.py --data-root data
    scripts/measure_finetuning.py --data-root data --categories Ant Bird Fish --batch-size 16

Some shapes of each category are for training, and up to as many others for validation. The same
recipe is trained from nothing and from weights. The figures are those of the last epoch, so that no
choice of an epoch flatters them; the time of each training is printed, too.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pcea import InputError
from pcea.datasets import Clouds, PointCloudDataset, Taxonomy, load_dataset
from pcea.recipes import Recipe, get_recipe
from pcea.training import train

CATEGORIES = ("CosegChair", "CosegVase", "CosegAlien", "HumanBody", "FourLeg")


def choose(
    data: PointCloudDataset, categories: list[str], shapes: int, seed: int
) -> dict[str, PointCloudDataset]:
    """Split some categories of a data set: ``shapes`` of each to train on, as many to validate.

    If a category has too few shapes, a third of them is for validation.
    """
    ids = [data.taxonomy.category_id(name) for name in categories]
    generator = torch.Generator().manual_seed(seed)
    chosen: dict[str, list[int]] = {"train": [], "val": []}
    for each in ids:
        own = (data.clouds.category == each).nonzero()[:, 0]
        own = own[torch.randperm(len(own), generator=generator)].tolist()
        count = min(shapes, len(own) - max(len(own) // 3, 1))
        chosen["train"] += own[:count]
        chosen["val"] += own[count : count + shapes]
    return {
        split: PointCloudDataset(
            renamed(data.clouds.select(index), ids), Taxonomy(tuple(categories)), data.name, split
        )
        for split, index in chosen.items()
    }


def renamed(clouds: Clouds, ids: list[int]) -> Clouds:
    """Remove the parts of the clouds, and number their categories from 0."""
    category = torch.tensor([ids.index(each) for each in clouds.category.tolist()])
    return replace(clouds, category=category, part=None)


def measure(
    recipe: Recipe, init: str, splits: dict[str, PointCloudDataset], seed: int
) -> dict[str, Any]:
    """Train from nothing and from weights, and return the figures of both."""
    found: dict[str, Any] = {"seed": seed, "clouds": {s: len(each) for s, each in splits.items()}}
    for name, start in (("from nothing", None), (f"from {init}", init)):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            run = train(replace(recipe, seed=seed, init=start), Path(folder, "run"), dataset=splits)
            seconds = time.perf_counter() - began
            last = run.read_metrics()[-1]
        key = next(key for key in last if key.startswith("val_"))
        found[name] = {"figure": key.removeprefix("val_"), "value": last[key], "seconds": seconds}
    return found


def command_line() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="measure_finetuning", description=__doc__)
    parser.add_argument("--data-root", help="the folder of data sets")
    parser.add_argument("--dataset", default="meshparts23")
    parser.add_argument("--categories", nargs="+", default=list(CATEGORIES))
    parser.add_argument("--shapes", type=int, default=20, help="of each category to train on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipe", default="modelnet40-eat-small")
    parser.add_argument("--init", default="modelnet40-eat-small")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, help="default: the recipe's")
    parser.add_argument("--json", help="where to write all figures")
    return parser


def main(words: list[str] | None = None) -> None:
    """Measure, and print the mean over the seeds for each of both."""
    options = command_line().parse_args(words)
    try:
        recipe = replace(get_recipe(options.recipe), epochs=options.epochs)
        if options.batch_size is not None:
            recipe = replace(recipe, batch_size=options.batch_size)
        data = load_dataset(options.dataset, "trainval", options.data_root)
        runs = []
        for seed in options.seeds:
            splits = choose(data, options.categories, options.shapes, seed)
            runs.append(measure(recipe, options.init, splits, seed))
    except InputError as error:
        sys.exit(f"measure_finetuning: {error}")
    for name in ("from nothing", f"from {options.init}"):
        values = [100 * run[name]["value"] for run in runs]
        deviation = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        seconds = max(run[name]["seconds"] for run in runs)
        print(
            f"{name}: {runs[0][name]['figure']} {statistics.mean(values):.1f}{deviation} % "
            f"({', '.join(f'{value:.1f}' for value in values)}), {seconds:.0f} s at most"
        )
    if options.json:
        Path(options.json).write_text(json.dumps({**vars(options), "runs": runs}, indent=2) + "\n")


if __name__ == "__main__":
    main()
