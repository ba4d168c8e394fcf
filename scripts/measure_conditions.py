#!/usr/bin/env python3
"""Print how often a classifier is right on clouds as people have them: the eight conditions.

    scripts/measure_conditions.py WEIGHTS --dataset modelnet40 --split val --data-root data

Every cloud of the split is classified once as it is, and once under each condition: turned about
the upright axis; with noise; with a quarter of its points; with a hole; seen from one side; and
with stray points. Each time it is centered and scaled to the unit sphere again. The table also has
the calibration error, and the means over the eight conditions.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from measure_strays import direction, fewer, in_cube, noise
from torch import Generator, Tensor

from pcea.datasets import PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.evaluation import check_fit, measure_calibration
from pcea.geometry import gather, unit_sphere
from pcea.models import PointModel, load_model

SEED = 0
BATCH = 32
HOLE, SIDE = 300, 512

Change = Callable[[Tensor, Generator], Tensor]


def turned(pos: Tensor, generator: Generator) -> Tensor:
    """Turn each cloud about the upright axis by any angle."""
    angle = 2 * math.pi * torch.rand(len(pos), 1, generator=generator)
    x, y, z = pos.unbind(-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos * x + sin * z, y, cos * z - sin * x], -1)


def hole(pos: Tensor, generator: Generator) -> Tensor:
    """Leave out the points nearest to a random one."""
    center = torch.randint(pos.shape[1], (len(pos), 1), generator=generator)
    distance = (pos - gather(pos, center)).square().sum(-1)  # (B, N)
    return gather(pos, distance.argsort(1, descending=True)[:, : pos.shape[1] - HOLE])


def side(pos: Tensor, generator: Generator) -> Tensor:
    """Keep the points farthest in a random direction."""
    height = (pos * direction(len(pos), 1, generator)).sum(-1)
    return gather(pos, height.argsort(1, descending=True)[:, :SIDE])


CONDITIONS: dict[str, Change] = {
    "turned about the upright axis": turned,
    "noise of 0.03": lambda pos, generator: noise(0.03)(pos, generator)[0],
    "noise of 0.05": lambda pos, generator: noise(0.05)(pos, generator)[0],
    "the first quarter of the points": lambda pos, generator: fewer(pos, generator)[0],
    f"a hole of {HOLE} points": hole,
    f"the {SIDE} points at one side": side,
    "10 stray points": lambda pos, generator: in_cube(10)(pos, generator)[0],
    "100 stray points": lambda pos, generator: in_cube(100)(pos, generator)[0],
}


@torch.no_grad()
def measure(model: PointModel, data: PointCloudDataset, change: Change) -> tuple[float, float]:
    """Measure the accuracy and the calibration error, in 0..1, after a change to each cloud."""
    generator, found = Generator().manual_seed(SEED), list[Tensor]()
    for index in torch.arange(len(data)).split(BATCH):
        pos = data.clouds.batch(index, model.info.num_points).pos
        found.append(model(unit_sphere(change(pos, generator))).softmax(-1))
    probability, target = torch.cat(found), data.clouds.category
    right = (probability.argmax(-1) == target).double().mean()
    return float(right), measure_calibration(probability, target).error


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="a classifier: a run folder, a weights file or a name")
    parser.add_argument("--dataset", default="modelnet40")
    parser.add_argument("--split", default="val")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="use every N-th cloud")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    wanted = parser.parse_args()
    try:
        if wanted.every < 1:
            raise InputError(f"--every {wanted.every} must be at least 1")
        data = load_dataset(wanted.dataset, wanted.split, wanted.data_root)[:: wanted.every]
        model = load_model(wanted.weights)
        if model.task != "classification":
            raise InputError(f"{wanted.weights} is not a classifier: name one")
        check_fit(model, data)
        if model.info.num_points <= max(HOLE, SIDE):
            raise InputError(
                f"{wanted.weights} takes {model.info.num_points} points, and the conditions need "
                f"more than {max(HOLE, SIDE)}"
            )
    except InputError as error:
        sys.exit(f"measure_conditions: {error}")
    model.eval()
    print(f"{wanted.weights}: {len(data)} clouds of {data.name} {data.split}, seed {SEED}\n")
    print("| condition | accuracy | calibration error |\n|---|---|---|")
    unchanged: Change = lambda pos, generator: pos  # noqa: E731
    figures = dict[str, tuple[float, float]]()
    for name, change in {"as it is": unchanged, **CONDITIONS}.items():
        figures[name] = measure(model, data, change)
        say(name, *figures[name])
    means = torch.tensor([figures[name] for name in CONDITIONS]).mean(0)
    say("mean of the eight conditions", *means.tolist())
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(figures, indent=1))


def say(name: str, accuracy: float, error: float) -> None:
    """Print a row of the table."""
    print(f"| {name} | {100 * accuracy:.1f} % | {100 * error:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
