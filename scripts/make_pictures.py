#!/usr/bin/env python3
"""Draw the README's picture: what a part segmenter makes of the sample meshes.

    python scripts/make_pictures.py [--weights WEIGHTS] [--out docs/pictures]

The first row shows the parts that the model finds, the rows below what two slots of an external
attention do on the same shapes. The same weights always give the same picture.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from pcea.errors import InputError
from pcea.explanation import explain
from pcea.formats import Mesh, read
from pcea.models import PointModel, Segmenter, load_model
from pcea.pictures import Camera, Panel, Style, grid, save
from pcea.pictures.parts import part_panels
from pcea.pictures.refine import refine

ROOT = Path(__file__).parents[1]
SAMPLES = ("animal.ply", "chair.obj", "mug.stl", "table.ply")
# Of those that docs/slots.md finds to be of parts, two that differ most.
LAYER, SLOTS = 0, (42, 0)
# How many times a shape's mean attention has the last color.
LARGEST = 10.0
VOTES = 8


def main() -> None:
    """Draw the picture with the weights that the command line names."""
    parser = argparse.ArgumentParser(description="Draw the README's picture.")
    parser.add_argument("--weights", default="parts-eat-tiny", help="a part segmenter")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="folder")
    wanted = parser.parse_args()
    try:
        print(draw(wanted.weights, wanted.out))
    except InputError as error:
        sys.exit(f"make_pictures: {error}")


def draw(weights: str | Path, out: Path) -> Path:
    """Draw ``parts.png`` into a folder and return its path.

    Raises:
        InputError: the weights are of no part segmenter with external attention.
    """
    model = load_model(weights)
    if not isinstance(model, Segmenter):
        raise InputError(f"{weights} holds {model.info.name!r}, which is no part segmenter")
    if model.encoder.layers[LAYER].attention.map_kind != "slots":
        raise InputError(f"{weights}: its attention has no slots to draw")
    columns = [column(model, read(ROOT / "data" / "samples" / name)) for name in SAMPLES]
    titles = ["parts", *(f"layer {LAYER}, slot {slot}" for slot in SLOTS)]
    style = Style(
        colormap="magma_r",
        low=0.0,
        high=LARGEST,
        label="attention ÷ the shape’s mean",
        camera=Camera(azimuth=-40.0),
        dpi=110,
    )
    figure = grid(list(zip(*columns, strict=True)), titles, style=style)
    save(figure, out / "parts.png")
    return out / "parts.png"


def column(model: Segmenter, shape: Mesh) -> list[Panel]:
    """One shape's panels: its parts, and each slot."""
    found = model.segment(shape, votes=VOTES, up="y")
    (_, parts), _ = part_panels(found)
    return [parts, *slot_panels(model, shape)]


def slot_panels(model: PointModel, shape: Mesh) -> list[Panel]:
    """What the slots do on a shape, in shares of each one's mean."""
    found = explain(model, shape, up="y", votes=VOTES, importance=False)
    share = found.maps[LAYER].values.mean(0)[:, torch.tensor(SLOTS)]  # (P, 2)
    fine, sample = refine(shape, found.sample)
    return [Panel(fine, lift) for lift in fine.carry_back(sample, share / share.mean(0)).T]


if __name__ == "__main__":
    main()
