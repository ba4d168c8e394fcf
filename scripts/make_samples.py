#!/usr/bin/env python3
"""Make the samples in data/samples that are built from solids: the same files each time.

    scripts/make_samples.py --out data/samples

Objects of the categories of ``shapes`` come from a seed that no split has. The others are built
here and are of kinds that the built-in data set does not have.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import trimesh

from pcea.datasets.shapes import build
from pcea.datasets.shapes.solids import (
    Solid,
    both,
    box,
    curve,
    extrude,
    frustum,
    lathe,
    ring,
    slab,
    tube,
)

# No split has so high a seed.
SEED = 1_000_003
# The file of each object of a category of shapes, and which of the objects it is.
BUILT = {
    "bench.off": ("bench", 0),
    "bottle.obj": ("bottle", 0),
    "car.ply": ("car", 0),
    "desk.off": ("desk", 0),
    "plant.glb": ("plant", 0),
    "rocket.stl": ("rocket", 0),
    "stool.obj": ("stool", 0),
    "vase.ply": ("vase", 0),
}


def glasses() -> list[Solid]:
    """Round glasses with bent temples."""
    angle = np.linspace(0, 2 * np.pi, 33)[:-1]
    circle = np.stack([0.25 * np.cos(angle), 0.22 * np.sin(angle), 0 * angle], axis=1)
    rim = tube(circle, 0.02, loop=True, up=(0, 0, 1)).move(x=0.32)
    lens = extrude(ring(24) * (0.24, 0.21), 0.012).move(x=0.32)
    temple = curve([(0.57, 0.08, 0), (0.6, 0.1, 0.5), (0.58, 0.1, 0.8), (0.56, -0.12, 0.95)], 14)
    bridge = curve([(-0.09, 0.04, 0), (0, 0.12, -0.02), (0.09, 0.04, 0)], 8)
    return [*both(rim, lens, tube(temple, 0.018, up=(1, 0, 0))), tube(bridge, 0.02, up=(0, 0, 1))]


def knife() -> list[Solid]:
    """A kitchen knife, its blade upright and its tip to the right."""
    blade = [(0, 0), (0.85, 0.02), (1.1, 0.14), (1.05, 0.17), (0, 0.2)]
    grip = tube([(-0.5, 0.11, 0), (-0.25, 0.13, 0), (0, 0.11, 0)], (0.07, 0.06, 0.065))
    return [extrude(blade, 0.02, 0.004), grip, slab(0.03, 0.2, 0.06).move(x=0, y=0.1)]


def bowl() -> list[Solid]:
    """A round bowl on a foot."""
    outside = curve([(0.12, 0.05), (0.5, 0.06), (0.55, 0.4)], 12)
    inside = curve([(0.51, 0.4), (0.46, 0.11), (0.0, 0.1)], 12)
    return [lathe([*outside, *inside], segments=32), frustum(0.18, 0.16, 0.06, 24)]


def bed() -> list[Solid]:
    """A double bed with two pillows, its head at the back."""
    legs = both(*(box(0.08, 0.2, 0.08).move(x=0.7, y=-0.22, z=z) for z in (-0.95, 0.95)))
    pillow = slab(0.6, 0.12, 0.38, 3.0).move(x=0.38, y=0.26, z=-0.72)
    return [
        box(1.6, 0.14, 2.1).move(y=-0.06),
        slab(1.52, 0.22, 2.02).move(y=0.1),
        box(1.7, 0.9, 0.08).move(y=0.18, z=-1.06),
        box(1.7, 0.35, 0.08).move(y=-0.03, z=1.06),
        *both(pillow),
        *legs,
    ]


OWN: dict[str, Callable[[], list[Solid]]] = {
    "bed.off": bed,
    "bowl.stl": bowl,
    "glasses.ply": glasses,
    "knife.obj": knife,
}


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, (category, index) in BUILT.items():
        mesh = build(category, SEED, index)
        write(out / name, mesh.vertices.numpy(), mesh.faces.numpy())
    for name, make in OWN.items():
        solids = make()
        ends = np.cumsum([0] + [len(each.vertices) for each in solids])
        faces = [each.faces + start for each, start in zip(solids, ends, strict=False)]
        write(out / name, np.concatenate([s.vertices for s in solids]), np.concatenate(faces))


def write(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:  # type: ignore[type-arg]
    """Write a mesh with four digits after the point."""
    mesh = trimesh.Trimesh(np.round(vertices.astype(np.float64), 4), faces, process=False)
    mesh.export(path)


if __name__ == "__main__":
    main()
