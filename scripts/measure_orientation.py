#!/usr/bin/env python3
"""Measure how often a model finds the up axis, and how often it turns a cloud that stands.

    scripts/measure_orientation.py WEIGHTS --dataset modelnet40 --clouds 200 --data-root data

Every cloud of the split is classified twice: as it is, and turned so that a random one of the six
axes is up. The table gives the share of standing and of turned clouds whose up axis is found, and
whose category is then right, with that axis up and with the answers of all axes combined: with y
always, with the guess of the model alone, and, for a model that ships, with the guess of the
default models together, as the commands make it; for several priors of y and several sharpnesses.
"""

import argparse
import json
import sys
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from pcea import Cloud, InputError, load_dataset, load_model
from pcea.datasets.everyday import everyday_taxonomy, translate
from pcea.evaluation import check_fit
from pcea.geometry import UP_AXES, upright
from pcea.models import PointModel
from pcea.models.orientation import (
    PRIOR,
    SHARPNESS,
    VOTES,
    categories_by_up,
    guide_names,
    weigh_axes,
)
from pcea.models.weights import ships

PRIORS_OF_Y = (0.3, 0.4, 0.5, 0.6, 0.7)
SHARPNESSES = (2, 4, 8)
WAYS = "standing", "laid down"


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
    parser.add_argument("--json", type=Path, help="where to write the table")
    options = parser.parse_args()
    try:
        model = load_model(options.weights)
        data = load_dataset(options.dataset, options.split, options.data_root)
        # A segmenter of the data set `everyday` has other ids for the categories of others.
        common = translate(data.name, data.taxonomy)
        if common is None or model.info.taxonomy != everyday_taxonomy():
            common = None
            check_fit(model, data)
    except InputError as error:
        sys.exit(f"measure_orientation: {error}")
    clouds, generator = data.clouds, torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(clouds), generator=generator)[: options.clouds]
    truth = torch.randint(len(UP_AXES), (len(chosen),), generator=generator)
    poses: dict[str, list[Cloud]] = {way: [] for way in WAYS}
    for index, up in zip(chosen.tolist(), truth.tolist(), strict=True):
        own = clouds.batch([index])
        cloud = Cloud(own.pos[0], None if own.normal is None else own.normal[0])
        poses["standing"].append(cloud)
        poses["laid down"].append(lay_down(cloud, UP_AXES[up]))
    found = {way: by_up(model, each, options.votes) for way, each in poses.items()}
    guides = {"the model": {way: each.amax(-1) for way, each in found.items()}}
    if ships(model):
        for name in guide_names():
            guide = load_model(name)
            if guide.info == model.info:
                guides[name] = guides["the model"]
                continue
            guides[name] = {
                way: by_up(guide, each, options.votes).amax(-1) for way, each in poses.items()
            }
    up = {"standing": torch.full_like(truth, UP_AXES.index("y")), "laid down": truth}
    label = clouds.category[chosen] if common is None else common.category[clouds.category[chosen]]
    print(f"{len(chosen)} clouds of {options.dataset} {options.split}, {options.votes} votes\n")
    titles = ["up right", "category right", "combined"]
    heads = [f"{way}: {title}" for way in WAYS for title in titles]
    print("| who guesses | prior of y | sharpness | " + " | ".join(heads) + " |")
    print("|---|---|---|" + "---|" * len(heads))
    rows = []
    for who, prior, sharpness in choices(list(guides)):
        told = [guides[name] for name in who]
        before = {"y": 1.0} if prior == 1 else {**PRIOR, "y": prior}
        weights = {way: weigh_axes([each[way] for each in told], before, sharpness) for way in WAYS}
        name = "nobody: y" if prior == 1 else " and ".join(who)
        figures = [x for way in WAYS for x in shares(weights[way], found[way], up[way], label)]
        rows.append((name, prior, sharpness, *figures))
        cells = " | ".join(f"{100 * each:.1f} %" for each in figures)
        print(f"| {name} | {prior:.1f} | {sharpness} | {cells} |", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1))


def choices(names: list[str]) -> list[tuple[tuple[str, ...], float, int]]:
    """List who guesses, with which prior of y and which sharpness."""
    every = tuple(names[1:] or names)
    found: list[tuple[tuple[str, ...], float, int]] = [(every, 1.0, 1)]
    found += [((name,), PRIOR["y"], SHARPNESS) for name in names]
    found += [(every, prior, sharp) for prior, sharp in product(PRIORS_OF_Y, SHARPNESSES)]
    return found


def by_up(model: PointModel, clouds: list[Cloud], votes: int) -> Tensor:
    """Predict the categories of each cloud with each axis up: (M, 6, categories)."""
    return torch.stack([categories_by_up(model, cloud, votes) for cloud in clouds])


def shares(weight: Tensor, found: Tensor, up: Tensor, label: Tensor) -> list[float]:
    """Say how often the axis is right, the category with it, and that of all axes combined."""
    axis = weight.argmax(-1)
    alone = found[torch.arange(len(found)), axis].argmax(-1)
    combined = (weight.unsqueeze(-1) * found).sum(1).argmax(-1)
    rights = axis == up, alone == label, combined == label
    return [float(right.double().mean()) for right in rights]


if __name__ == "__main__":
    main()
