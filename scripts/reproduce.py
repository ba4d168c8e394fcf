#!/usr/bin/env python3
"""Train a recipe with several seeds, and print the mean and standard deviation of its figures.

    scripts/reproduce.py modelnet40-eat --seeds 0 1 2 --data-root data --out runs/eat
    scripts/reproduce.py shapenetpart-eat --seeds 0 1 2 --data-root data --out runs/eat-seg

Each seed is trained on the training split only, its best epoch is chosen on the validation split,
and the chosen split is measured once, at the end. An interrupted run is resumed. It is meant for a
GPU, because the full recipes take days on a CPU, and needs only the packages of training.
"""

import argparse
import json
import statistics
import sys
from dataclasses import replace
from pathlib import Path

import torch

from pcea import InputError, evaluate, load_dataset, load_model, train
from pcea.recipes import Recipe, get_recipe
from pcea.training import RunFolder


def measure(recipe: Recipe, out: Path, data_root: str | None, split: str) -> dict[str, float]:
    """Train one seed, unless that is done, and measure the weights of its best epoch."""
    run = RunFolder(out)
    if not run.report.exists():
        train(recipe, out, data_root, resume=run.recipe.exists())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    clouds = load_dataset(recipe.dataset, split, data_root).clouds.to(device)
    return evaluate(load_model(run.best, device), clouds, recipe.num_points).figures()


def main() -> None:
    """Read the command line, train, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--data-root")
    parser.add_argument("--split", default="test")
    parser.add_argument("--out", type=Path, required=True, help="where one folder per seed is made")
    options = parser.parse_args()
    try:
        recipe = get_recipe(options.recipe)
        if options.epochs is not None:
            recipe = replace(recipe, epochs=options.epochs)
        figures = [
            measure(
                replace(recipe, seed=seed),
                options.out / f"seed{seed}",
                options.data_root,
                options.split,
            )
            for seed in options.seeds
        ]
    except InputError as error:
        sys.exit(f"reproduce: {error}")
    results = {
        name: {
            "mean": statistics.mean(each[name] for each in figures),
            "deviation": statistics.stdev(each[name] for each in figures) if figures[1:] else None,
        }
        for name in figures[0]
    }
    found = {"recipe": recipe.name, "split": options.split, "seeds": options.seeds, **results}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
