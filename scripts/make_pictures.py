#!/usr/bin/env python3
"""Draw the README's picture, and those of all transforms and corruptions.

    python scripts/make_pictures.py [--weights WEIGHTS] [--out docs/pictures]

``parts.png`` shows the predictions of a part segmenter on the sample meshes: in the first row the
parts, in the rows below the attention of two slots on the same shapes. ``transforms.png`` shows a
sample shape after each transform, ``corruptions.png`` after each corruption at severities 1, 3 and
5. The same weights always give the same pictures.
"""

import argparse
import sys
from pathlib import Path

import torch

from pcea.datasets import Batch, Clouds
from pcea.errors import InputError
from pcea.explanation import explain
from pcea.formats import Cloud, Mesh, read
from pcea.geometry import unit_sphere
from pcea.models import PointModel, Segmenter, load_model
from pcea.pictures import Camera, Panel, Style, grid, save
from pcea.pictures.parts import part_panels
from pcea.pictures.refine import refine
from pcea.transforms import as_transforms, corrupt, corruption_sets

ROOT = Path(__file__).parents[1]
SAMPLES = ("animal.ply", "chair.obj", "mug.stl", "table.ply")
# Of the slots that docs/slots.md finds to lie on parts, the two that differ most.
LAYER, SLOTS = 0, (42, 0)
# The value of the last color, in units of the shape's mean attention.
LARGEST = 10.0
VOTES = 8
# The values are stronger than the defaults, so that the effect is visible.
TRANSFORMS = (
    "scale(0.5, 1.5)",
    "translate(0.5)",
    "rotate(45)",
    "rotate(30, axis=tilt)",
    "shear(0.4)",
    "jitter(0.03)",
    "resample(0.25)",
    "resample(0.4, density=30)",
    "drop-points(0.875)",
    "drop-patch(500, patches=3)",
    "one-side(0.5)",
    "stray-points(100)",
    "stray-points(400, clusters=4)",
    "pointwolf",
    "pointcutmix-r(0.4, probability=1)",
    "pointcutmix-k(0.4, probability=1)",
    "rsmix(0.6, probability=1)",
)
SEVERITIES = (1, 3, 5)
COLUMNS, POINTS, SEED = 6, 2048, 5  # with this seed the two shapes are mixed with each other


def main() -> None:
    """Draw the pictures with the weights that the command line names."""
    parser = argparse.ArgumentParser(description="Draw the README's picture.")
    parser.add_argument("--weights", default="parts-eat-tiny", help="a part segmenter")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="folder")
    wanted = parser.parse_args()
    try:
        print(draw(wanted.weights, wanted.out))
        print(draw_transforms(wanted.out))
        print(draw_corruptions(wanted.out))
    except InputError as error:
        sys.exit(f"make_pictures: {error}")


def draw(weights: str | Path, out: Path) -> Path:
    """Draw ``parts.png`` into a folder and return its path.

    Raises:
        InputError: the weights are not those of a part segmenter with external attention.
    """
    model = load_model(weights)
    if not isinstance(model, Segmenter):
        raise InputError(f"{weights} holds {model.info.name!r}, which is not a part segmenter")
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


def draw_transforms(out: Path) -> Path:
    """Draw ``transforms.png``, a chair after each of :data:`TRANSFORMS`, and return its path.

    Points of the chair are blue by their height; strays and points of the other shape are orange.
    """
    pos = torch.stack([points(name) for name in ("chair.obj", "animal.ply")])
    part = torch.arange(2).unsqueeze(1).expand(pos.shape[:2])
    batch = Batch(pos, torch.arange(2), torch.zeros_like(pos) + 1, part)
    panels = [Panel(Cloud(pos[0]), colors=colors(batch), title="unchanged")]
    for text in TRANSFORMS:
        (transform,) = as_transforms(text)
        generator = torch.Generator().manual_seed(SEED)
        after = transform(batch, generator)
        panels.append(Panel(Cloud(after.pos[0]), colors=colors(after), title=text))
    style = Style(camera=Camera(azimuth=-40.0), width=1.7, dpi=100, point_size=0.016)
    rows = [panels[i : i + COLUMNS] for i in range(0, len(panels), COLUMNS)]
    save(grid(rows, style=style), out / "transforms.png")
    return out / "transforms.png"


def draw_corruptions(out: Path) -> Path:
    """Draw ``corruptions.png``, a chair after each corruption of the benchmarks; return its path.

    Points of the chair are blue by their height; added points are orange.
    """
    pos = points("chair.obj")[None]
    part = torch.zeros(pos.shape[:2], dtype=torch.long)
    cloud = Clouds.from_dense(pos, torch.zeros(1), torch.nn.functional.normalize(pos, dim=-1), part)
    panels = []
    for name in (name for names in corruption_sets().values() for name in names):
        for severity in SEVERITIES:
            after = corrupt(cloud, name, severity, POINTS // 2).batch([0])
            title = f"{name}, {severity}"
            panels.append(Panel(Cloud(after.pos[0]), colors=colors(after), title=title))
    style = Style(camera=Camera(azimuth=-40.0), width=1.5, dpi=75, point_size=0.022)
    rows = [panels[i : i + COLUMNS] for i in range(0, len(panels), COLUMNS)]
    save(grid(rows, style=style), out / "corruptions.png")
    return out / "corruptions.png"


def points(name: str) -> torch.Tensor:
    """Sample points of a sample shape in the unit sphere, (N, 3)."""
    cloud = read(ROOT / "data" / "samples" / name).sample(POINTS, seed=0)
    return unit_sphere(torch.as_tensor(cloud.pos)).float()


def colors(batch: Batch) -> torch.Tensor:
    """Color the points of the first cloud, (N, 3): by height, and foreign points orange."""
    assert batch.part is not None and batch.normal is not None
    height = ((batch.pos[0, :, 1] + 1) / 2).clamp(0, 1).unsqueeze(1)
    own = torch.tensor([30.0, 60, 120]) + height * torch.tensor([60.0, 130, 130])
    foreign = (batch.part[0] != 0) | ~batch.normal[0].any(-1)
    return torch.where(foreign.unsqueeze(1), torch.tensor([230.0, 120, 20]), own).byte()


def column(model: Segmenter, shape: Mesh) -> list[Panel]:
    """Draw one shape's panels: its parts and each slot."""
    found = model.segment(shape, votes=VOTES, up="y")
    (_, parts), _ = part_panels(found)
    return [parts, *slot_panels(model, shape)]


def slot_panels(model: PointModel, shape: Mesh) -> list[Panel]:
    """Draw the attention of the slots on a shape, in units of each slot's mean."""
    found = explain(model, shape, up="y", votes=VOTES, importance=False)
    share = found.maps[LAYER].values.mean(0)[:, torch.tensor(SLOTS)]  # (P, 2)
    fine, sample = refine(shape, found.sample)
    return [Panel(fine, lift) for lift in fine.carry_back(sample, share / share.mean(0)).T]


if __name__ == "__main__":
    main()
