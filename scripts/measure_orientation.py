#!/usr/bin/env python3
"""Measure how often a model finds the up axis, and how often it turns a cloud that stands.

    scripts/measure_orientation.py WEIGHTS --dataset modelnet40 --clouds 200 --data-root data

Every cloud of the split is classified twice: as it is, and turned so that a random one of the six
axes is up. The table gives the share of standing and of turned clouds whose up axis is found, and
whose category is then right: with several margins by which another axis must beat y, with several
least confidences that it must also reach, and with y always. For a model that ships, it also gives
the guess of the default model of each task, and that of the commands, which combine both.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import torch
from torch import Tensor

from pcea import Cloud, InputError, load_dataset, load_model
from pcea.geometry import UP_AXES, upright
from pcea.models.orientation import (
    LEAST,
    MARGIN,
    VOTES,
    agree,
    categories_by_up,
    choose_up,
    guess_up,
    guide_names,
)
from pcea.models.weights import ships

MARGINS = (0.0, 0.1, 0.2, 0.3)
CONFIDENCES = (0.0, 0.65, 0.75, 0.85, 0.95)


def lay_down(cloud: Cloud, up: str) -> Cloud:
    """Turn a cloud with y up so that another axis is up."""
    turn = upright(torch.eye(3), up).T  # the inverse of the rotation
    return Cloud(cloud.pos @ turn, None if cloud.normal is None else cloud.normal @ turn)


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--clouds", type=int, help="how many, drawn with seed 0; default: all")
    parser.add_argument("--votes", type=int, default=VOTES)
    parser.add_argument("--data-root")
    parser.add_argument("--json", type=Path, help="where to write the results of each cloud")
    options = parser.parse_args()
    try:
        model = load_model(options.weights)
        clouds = load_dataset(options.dataset, options.split, options.data_root).clouds
    except InputError as error:
        sys.exit(f"measure_orientation: {error}")
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(clouds), generator=generator)[: options.clouds]
    truth = torch.randint(len(UP_AXES), (len(chosen),), generator=generator)
    poses: dict[str, list[Cloud]] = {"standing": [], "laid down": []}
    for index, up in zip(chosen.tolist(), truth.tolist(), strict=True):
        own = clouds.batch([index])
        cloud = Cloud(own.pos[0], None if own.normal is None else own.normal[0])
        poses["standing"].append(cloud)
        poses["laid down"].append(lay_down(cloud, UP_AXES[up]))
    label = clouds.category[chosen]
    found = {
        way: torch.stack([categories_by_up(model, cloud, options.votes) for cloud in each])
        for way, each in poses.items()
    }
    up = {"standing": torch.full_like(truth, UP_AXES.index("y")), "laid down": truth}
    print(f"{len(chosen)} clouds of {options.dataset} {options.split}, {options.votes} votes")
    print("share of clouds           up is right          category is right")
    print("margin   confidence ≥     standing  laid down  standing  laid down")
    rules = [(margin, 0.0) for margin in MARGINS if margin != MARGIN]
    rules += [(MARGIN, least) for least in CONFIDENCES] + [(math.inf, 0.0)]
    for margin, least in rules:
        axes = {way: choose_up(each.amax(-1), margin, least) for way, each in found.items()}
        print(f"{margin:6.2f}   {least:15.2f}  {cells(axes, found, up, label)}")
    if ships(model):
        guesses = {way: guess_all(each) for way, each in poses.items()}
        for who in guesses["standing"]:
            axes = {way: each[who] for way, each in guesses.items()}
            print(f"{who:24s}  {cells(axes, found, up, label)}")
    if options.json is not None:
        confidence = {way: probability.amax(-1).tolist() for way, probability in found.items()}
        options.json.write_text(json.dumps({"up": truth.tolist(), **confidence}))


def guess_all(clouds: list[Cloud]) -> dict[str, Tensor]:
    """Guess the up axes (M,) by each default model, and by both together, as find_up does."""
    guides = {name: load_model(name) for name in guide_names()}
    found: dict[str, list[int]] = {name: [] for name in [*guides, "what the commands do"]}
    for cloud in clouds:
        guesses = {name: guess_up(model, cloud) for name, model in guides.items()}
        together = agree([(each, LEAST[guides[name].task]) for name, each in guesses.items()])
        for name, guess in (guesses | {"what the commands do": together}).items():
            found[name].append(UP_AXES.index(guess.up))
    return {name: torch.tensor(axes) for name, axes in found.items()}


def cells(
    axes: dict[str, Tensor], found: dict[str, Tensor], up: dict[str, Tensor], label: Tensor
) -> str:
    """Write how often the axes and the categories, by probabilities (M, 6, C), are right."""
    rows = {way: each[torch.arange(len(each)), axes[way]] for way, each in found.items()}
    right = [percent(axes[way] == up[way]) for way in axes]
    right += [percent(each.argmax(-1) == label) for each in rows.values()]
    return "   ".join(right)


def percent(right: Tensor) -> str:
    """Write the share of true values."""
    return f"{100 * float(right.float().mean()):6.1f} %"


if __name__ == "__main__":
    main()
