#!/usr/bin/env python3
"""Print the table of docs/models.md: what stray points cost, and what leaving them out costs.

    python scripts/measure_strays.py modelnet40-eat-small --dataset modelnet40 --data-root data

Every cloud of the split is classified under several conditions: unchanged, with strays among its
points, and, without strays, with noise and with the uneven density of scans. Each time all points
are used, and then only those that are not found to be strays.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Generator, Tensor

from pcea.datasets import PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.geometry import gather, isolated_points, unit_sphere
from pcea.models import PointModel, load_model

SEED = 0
BATCH = 32
HEAD = (
    "| condition | accuracy with all points | without strays | true points left out | "
    "strays left out |\n|---|---|---|---|---|"
)

Changed = tuple[Tensor, Tensor]  # (B, M, 3) positions, (B, M) true at strays


def main() -> None:
    """Measure the classifier that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="a classifier: a run folder, a weights file or a name")
    parser.add_argument("--dataset", default="modelnet40")
    parser.add_argument("--split", default="val")
    parser.add_argument("--data-root", type=Path, default=None)
    parser.add_argument(
        "--every", type=int, default=1, help="use every N-th cloud only", metavar="N"
    )
    wanted = parser.parse_args()
    try:
        data = load_dataset(wanted.dataset, wanted.split, wanted.data_root)
        measure(load_model(wanted.weights), data, wanted.every)
    except InputError as error:
        print(f"measure_strays: {error}", file=sys.stderr)
        raise SystemExit(2) from error


@torch.no_grad()
def measure(model: PointModel, data: PointCloudDataset, every: int = 1) -> None:
    """Print the table, one row per condition."""
    if model.task != "classification":
        raise InputError(f"{model.info.name!r} is not a classifier: name one")
    model.eval()
    index = torch.arange(0, len(data), every)
    print(f"{len(index)} clouds of {data.name} {data.split}, seed {SEED}\n\n{HEAD}", flush=True)
    for name, change in CONDITIONS.items():
        generator = Generator().manual_seed(SEED)
        right = torch.zeros(2)
        points, out = torch.zeros(2), torch.zeros(2)  # true, stray
        for some in index.split(BATCH):
            batch = data.clouds.batch(some, model.info.num_points)
            pos, stray = change(batch.pos, generator)
            for clean in (False, True):
                model.clean = clean
                right[int(clean)] += (model(pos).argmax(-1) == batch.category).sum()
            found = isolated_points(pos)
            for kind, those in enumerate((~stray, stray)):
                points[kind] += those.sum()
                out[kind] += (found & those).sum()
        accuracy = 100 * right / len(index)
        caught = f"{100 * out[1] / points[1]:.1f} %" if points[1] else "–"
        print(
            f"| {name} | {accuracy[0]:.1f} % | {accuracy[1]:.1f} % | "
            f"{100 * out[0] / points[0]:.2f} % | {caught} |",
            flush=True,
        )


def clean(pos: Tensor, generator: Generator) -> Changed:
    """Leave the clouds as they are."""
    return pos, torch.zeros(pos.shape[:2], dtype=torch.bool)


def changed(pos: Tensor) -> Changed:
    """Scale clouds without strays to the unit sphere."""
    return clean(unit_sphere(pos), Generator())


def among(pos: Tensor, strays: Tensor) -> Changed:
    """Replace the last points of each cloud by strays (B, S, 3)."""
    count = strays.shape[1]
    together = unit_sphere(torch.cat([pos[:, :-count], strays], dim=1))
    return together, (torch.arange(pos.shape[1]) >= pos.shape[1] - count).expand(len(pos), -1)


def in_cube(count: int, size: float = 1.0) -> Callable[[Tensor, Generator], Changed]:
    """Add uniform strays in the cube [-1, 1]^3, or in one ``size`` times as large."""

    def change(pos: Tensor, generator: Generator) -> Changed:
        cube = 2 * torch.rand(len(pos), count, 3, generator=generator) - 1
        return among(pos, size * cube)

    return change


def in_ball(pos: Tensor, generator: Generator) -> Changed:
    """Add a hundred uniform strays in the unit ball."""
    radius = torch.rand(len(pos), 100, 1, generator=generator) ** (1 / 3)
    return among(pos, radius * direction(len(pos), 100, generator))


def clump(pos: Tensor, generator: Generator) -> Changed:
    """Add four strays close to each other, on the sphere around the shape."""
    near = 0.02 * torch.randn(len(pos), 4, 3, generator=generator)
    return among(pos, direction(len(pos), 1, generator) + near)


def noise(sigma: float) -> Callable[[Tensor, Generator], Changed]:
    """Add Gaussian noise to every coordinate."""
    return lambda pos, generator: changed(pos + sigma * torch.randn(pos.shape, generator=generator))


def fewer(pos: Tensor, generator: Generator) -> Changed:
    """Keep a quarter of the points."""
    return changed(pos[:, : pos.shape[1] // 4])


def repeated(pos: Tensor, generator: Generator) -> Changed:
    """Keep a quarter of the points, and repeat them to the former number."""
    return changed(pos[:, torch.arange(pos.shape[1]) % (pos.shape[1] // 4)])


def two_densities(pos: Tensor, generator: Generator) -> Changed:
    """Keep a tenth of the points of one half, in a random direction, and all of the other."""
    along = (pos * direction(len(pos), 1, generator)).sum(-1)  # (B, N)
    half = pos.shape[1] // 2
    order = along.argsort(1)
    # The order of points is random, so the first ones of a half are a random choice.
    thin = order[:, half:].sort(1).values[:, : half // 10]
    return changed(gather(pos, torch.cat([order[:, :half], thin], dim=1)))


def from_near(pos: Tensor, generator: Generator) -> Changed:
    """Sample 400 points by the inverse square of their distance to a scanner near the shape."""
    eye = 1.1 * direction(len(pos), 1, generator)
    weight = 1 / (pos - eye).square().sum(-1)  # (B, N)
    return changed(gather(pos, weight.multinomial(min(400, pos.shape[1]), generator=generator)))


def one_side(pos: Tensor, generator: Generator) -> Changed:
    """Keep the points that are visible from one side, repeated to half the former number.

    A point is visible if it lies at most 0.1 behind the nearest point of its cell of width 0.1.
    """
    views = []
    for cloud, eye in zip(pos, direction(len(pos), 1, generator), strict=True):
        axes = torch.linalg.svd(eye).Vh  # (3, 3): the view axis, and two across it
        turned = cloud @ axes.T
        cell = ((turned[:, 1:] + 1.2) * 10).long() @ torch.tensor([24, 1])
        depth = turned[:, 0]
        front = torch.full((24 * 24,), -2.0).scatter_reduce(0, cell, depth, "amax")
        visible = cloud[depth >= front[cell] - 0.1]
        views.append(visible[torch.arange(len(cloud) // 2) % len(visible)])
    return changed(torch.stack(views))


def direction(clouds: int, count: int, generator: Generator) -> Tensor:
    """Draw random unit vectors, (clouds, count, 3)."""
    return torch.nn.functional.normalize(torch.randn(clouds, count, 3, generator=generator), dim=-1)


CONDITIONS: dict[str, Callable[[Tensor, Generator], Changed]] = {
    "clean": clean,
    "one stray in the cube": in_cube(1),
    **{f"{count} strays in the cube": in_cube(count) for count in (10, 50, 100, 200)},
    "100 strays in the unit ball": in_ball,
    "one stray, 1,000 times as far": in_cube(1, 1000.0),
    "a clump of 4 strays": clump,
    "noise 0.02": noise(0.02),
    "noise 0.05": noise(0.05),
    "a quarter of the points": fewer,
    "a quarter, repeated": repeated,
    "two densities, 10 to 1": two_densities,
    "density by distance": from_near,
    "one side": one_side,
}


if __name__ == "__main__":
    main()
