#!/usr/bin/env python3
"""Measure how often a model finds the up axis, and how often it turns what stands already.

    scripts/measure_orientation.py WEIGHTS --dataset modelnet40 --clouds 200 --data-root data
    scripts/measure_orientation.py parts-eat-tiny --guide modelnet40-eat-small --dataset meshparts23

Every cloud of the split is shown twice: as it is, and laid down so that a random one of the six
axes is up. The table says how many of the laid down were set up right, how many of the standing
were left standing, and of how many of each the category was then right: where another axis must
only beat y by some margin, where the model must also be sure of it, and where y is always taken.
With --guide, another model guesses the axis, as the classifier that ships does for all that ship.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import torch
from torch import Tensor

from pcea import Cloud, InputError, load_dataset, load_model
from pcea.geometry import UP_AXES, upright
from pcea.models.orientation import MARGIN, VOTES, categories_by_up, choose_up

MARGINS = (0.0, 0.1, 0.2, 0.3)
LEAST = (0.0, 0.65, 0.75, 0.85, 0.95)


def lay_down(cloud: Cloud, up: str) -> Cloud:
    """Turn a cloud with y up so that another axis is up in it."""
    turn = upright(torch.eye(3), up).T  # the inverse: turns are orthogonal
    return Cloud(cloud.pos @ turn, None if cloud.normal is None else cloud.normal @ turn)


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights")
    parser.add_argument("--guide", help="weights of the model that guesses; default: the same")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--clouds", type=int, help="how many, drawn with seed 0; default: all")
    parser.add_argument("--votes", type=int, default=VOTES)
    parser.add_argument("--data-root")
    parser.add_argument("--json", type=Path, help="where to write what was measured of each cloud")
    options = parser.parse_args()
    try:
        model = load_model(options.weights)
        guide = load_model(options.guide) if options.guide else model
        clouds = load_dataset(options.dataset, options.split, options.data_root).clouds
    except InputError as error:
        sys.exit(f"measure_orientation: {error}")
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(clouds), generator=generator)[: options.clouds]
    truth = torch.randint(len(UP_AXES), (len(chosen),), generator=generator)
    found: dict[str, list[tuple[Tensor, Tensor]]] = {"standing": [], "laid down": []}
    for index, up in zip(chosen.tolist(), truth.tolist(), strict=True):
        own = clouds.batch([index])
        cloud = Cloud(own.pos[0], None if own.normal is None else own.normal[0])
        for way, shown in (("standing", cloud), ("laid down", lay_down(cloud, UP_AXES[up]))):
            answer = categories_by_up(model, shown, options.votes)  # (6, categories)
            asked = answer if guide is model else categories_by_up(guide, shown, options.votes)
            found[way].append((asked.amax(-1), answer.argmax(-1)))
    # How sure the guide is of each axis, and what the model then answers, (M, 6) each.
    sure = {way: torch.stack([each for each, _ in pairs]) for way, pairs in found.items()}
    answers = {way: torch.stack([each for _, each in pairs]) for way, pairs in found.items()}
    label = clouds.category[chosen]
    up = {"standing": torch.full_like(truth, UP_AXES.index("y")), "laid down": truth}
    print(f"{len(chosen)} clouds of {options.dataset} {options.split}, {options.votes} votes")
    print("share of clouds           up is right          category is right")
    print("margin   surest at least  standing  laid down  standing  laid down")
    rules = [(margin, 0.0) for margin in MARGINS if margin != MARGIN]
    rules += [(MARGIN, least) for least in LEAST] + [(math.inf, 0.0)]
    for margin, least in rules:
        right: dict[str, list[str]] = {"up": [], "category": []}
        for way in found:
            axis = choose_up(sure[way], margin, least)  # (M,)
            category = answers[way].gather(1, axis[:, None])[:, 0]
            right["up"].append(percent(axis == up[way]))
            right["category"].append(percent(category == label))
        cells = "   ".join(right["up"] + right["category"])
        print(f"{margin:6.2f}   {least:15.2f}  {cells}")
    if options.json is not None:
        told = {way: each.tolist() for way, each in sure.items()}
        options.json.write_text(json.dumps({"up": truth.tolist(), **told}))


def percent(right: Tensor) -> str:
    """Write the share of what is true."""
    return f"{100 * float(right.float().mean()):6.1f} %"


if __name__ == "__main__":
    main()
