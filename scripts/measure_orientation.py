#!/usr/bin/env python3
"""Measure how often the up axis of a cloud is found, and the category with it.

    scripts/measure_orientation.py WEIGHTS --dataset modelnet40 --clouds 200 --data-root data

Every cloud of the split is classified twice: as it is, and turned so that a random one of the six
axes is up. The table gives the share of standing and of turned clouds whose up axis is found, of
guesses that are settled, of those that are settled and wrong, and of clouds whose category is
right: with y up always, with the guess of the model that ships for it, for several priors of y, and
with the guess of the model alone.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from torch import Tensor

from pcea import Cloud, InputError, load_dataset, load_model
from pcea.datasets.everyday import everyday_taxonomy, translate
from pcea.evaluation import check_fit
from pcea.geometry import UP_AXES, upright_turns
from pcea.models import PointModel
from pcea.models.orientation import (
    PRIOR,
    VOTES,
    axes_by_confidence,
    axes_by_guide,
    categories_by_up,
    weigh_axes,
)
from pcea.models.prediction import SETTLED
from pcea.models.weights import GUIDE

PRIORS_OF_Y = (0.3, 0.5, 0.7)
WAYS = "standing", "laid down"
TITLES = "up", "settled", "settled and wrong", "category"


def lay_down(cloud: Cloud, up: str) -> Cloud:
    """Turn a cloud with y up so that another axis is up."""
    turn = upright_turns()[UP_AXES.index(up)].T
    return Cloud(cloud.pos @ turn, None if cloud.normal is None else cloud.normal @ turn)


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--clouds", type=int, help="how many, drawn with seed 0; default: all")
    parser.add_argument("--votes", type=int, default=VOTES)
    parser.add_argument("--guide", default=GUIDE, help="the model that guesses")
    parser.add_argument("--data-root")
    parser.add_argument("--json", type=Path, help="where to write the table")
    options = parser.parse_args()
    try:
        model, guide = load_model(options.weights), load_model(options.guide)
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
    said = {
        way: torch.stack([axes_by_guide(guide, cloud, options.votes) for cloud in each])
        for way, each in poses.items()
    }
    own = {way: axes_by_confidence(model, each) for way, each in found.items()}
    up = {"standing": torch.full_like(truth, UP_AXES.index("y")), "laid down": truth}
    label = clouds.category[chosen] if common is None else common.category[clouds.category[chosen]]
    print(f"{len(chosen)} clouds of {options.dataset} {options.split}, {options.votes} votes\n")
    heads = [f"{way}: {title}" for way in WAYS for title in TITLES]
    print("| who guesses | prior of y | " + " | ".join(heads) + " |")
    print("|---|---|" + "---|" * len(heads))
    choices = [("nobody", 1.0, said), ("the model alone", PRIOR["y"], own)]
    choices += [(options.guide, prior, said) for prior in PRIORS_OF_Y]
    rows = []
    for who, prior, likelihood in choices:
        before = {"y": 1.0} if prior == 1 else {**PRIOR, "y": prior}
        figures = [
            share
            for way in WAYS
            for share in shares(weigh_axes(likelihood[way], before), found[way], up[way], label)
        ]
        rows.append((who, prior, *figures))
        cells = " | ".join(f"{100 * each:.1f} %" for each in figures)
        print(f"| {who} | {prior:.1f} | {cells} |", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1))


def by_up(model: PointModel, clouds: list[Cloud], votes: int) -> Tensor:
    """Predict the categories of each cloud with each axis up: (M, 6, categories)."""
    return torch.stack([categories_by_up(model, cloud, votes) for cloud in clouds])


def shares(weight: Tensor, found: Tensor, up: Tensor, label: Tensor) -> list[float]:
    """Say how often the axis is right, settled, settled and wrong, and the category right."""
    confidence, axis = weight.max(-1)
    settled = confidence >= SETTLED
    alone = found[torch.arange(len(found)), axis]
    combined = (weight.unsqueeze(-1) * found).sum(1)
    category = torch.where(settled[:, None], alone, combined).argmax(-1)
    shares = axis == up, settled, settled & (axis != up), category == label
    return [float(each.double().mean()) for each in shares]


if __name__ == "__main__":
    main()
