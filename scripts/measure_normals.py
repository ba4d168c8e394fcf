#!/usr/bin/env python3
"""Measure how well normals are estimated, on a split whose clouds have normals.

    scripts/measure_normals.py meshparts23 [--weights W]

For each number of points and each noise it prints the share of points whose normal is on the right
side, and the angle to the true normal without regard to its sign. With weights, it also prints the
mIoU of the segmenter on the split with true and with estimated normals.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from pcea import InputError, evaluate, load_dataset, load_model
from pcea.cli.output import say_table
from pcea.datasets import Clouds
from pcea.geometry import estimate_normals


@dataclass(frozen=True)
class Measured:
    """The accuracy of estimated normals.

    Args:
        right: the share of normals on the right side, the mean over the clouds.
        tenth: the 10 % quantile of that share over the clouds.
        mean: the mean angle to the true normal or its opposite, whichever is nearer, in degrees.
        median: the median of those angles.
    """

    right: float
    tenth: float
    mean: float
    median: float


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("--split", default="val")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--num-points", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.01])
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--weights", help="a segmenter that takes normals")
    options = parser.parse_args()
    clouds = load_dataset(options.dataset, options.split, options.data_root).clouds
    rows = []
    for num in options.num_points:
        for noise in options.noise:
            found = measure(clouds, num, noise, options.k)
            shares = [f"{100 * each:.1f}" for each in (found.right, found.tenth)]
            rows.append(
                (str(num), f"{noise:g}", *shares, f"{found.mean:.1f}", f"{found.median:.1f}")
            )
    say_table(("points", "noise", "right %", "worst tenth %", "angle", "median"), rows, numbers=6)
    if options.weights:
        say_table(("normals", "class mIoU", "instance mIoU"), _parts(options.weights, clouds), 2)


def measure(clouds: Clouds, num_points: int, noise: float, k: int) -> Measured:
    """Estimate the normals of a split, and compare them with its own.

    Args:
        clouds: in the unit sphere, with true normals.
        num_points: how many points per cloud are sampled, with a fixed seed.
        noise: standard deviation of Gaussian noise on each coordinate.
        k: neighbors of a point.

    Raises:
        InputError: the split has no normals.
    """
    if clouds.normal is None or not clouds.normal.any():
        raise InputError("the split has no normals to compare with")
    generator = torch.Generator().manual_seed(0)
    shares, angles = [], []
    for index in torch.arange(len(clouds)).split(32):
        batch = clouds.batch(index, num_points, generator)
        assert batch.normal is not None
        moved = batch.pos + noise * torch.randn(batch.pos.shape, generator=generator)
        cosine = (estimate_normals(moved, k=k) * batch.normal).sum(-1)  # (B, N)
        shares.append((cosine > 0).float().mean(1))
        angles.append(cosine.abs().clamp(max=1).arccos().rad2deg().flatten())
    share, angle = torch.cat(shares), torch.cat(angles)
    return Measured(
        float(share.mean()), float(share.quantile(0.1)), float(angle.mean()), float(angle.median())
    )


def _parts(weights: str, clouds: Clouds) -> Iterator[tuple[str, str, str]]:
    model = load_model(weights)
    for name, normal in (("true", clouds.normal), ("estimated", None)):
        figures = evaluate(model, replace(clouds, normal=normal), model.info.num_points).figures()
        both = (figures["class_miou"], figures["instance_miou"])
        yield name, *(f"{100 * each:.1f}" for each in both)  # type: ignore[misc]


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"measure_normals: {error}")
