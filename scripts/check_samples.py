#!/usr/bin/env python3
"""Say what the models that ship make of the samples: right, unsure, or wrong without a word.

    scripts/check_samples.py [--classifier WEIGHTS] [--segmenter WEIGHTS] [--json FILE]
                             [--picture FILE]

Each sample is tried as it is and, turned about the upright axis by an angle of its own, as a cloud
of 2,048 points, as a scan from one side, and as a noisy scan. The answer is the classifier's where
it knows the category, else the segmenter's where that one does. Where neither knows it, both are
asked, and the right answer is unsure. The picture shows the shapes whose answers are wrong.
"""

import argparse
import math
import sys
from collections import Counter
from pathlib import Path

import torch
from matplotlib.figure import Figure

from pcea import Cloud, InputError, Mesh, load_model, read
from pcea.cli.output import say_table
from pcea.cli.parsing import check_file, check_picture
from pcea.defaults import SURE
from pcea.formats import write_json
from pcea.models import PointModel
from pcea.models.prediction import Prediction
from pcea.models.weights import list_pretrained
from pcea.pictures import Camera, Panel, Style, gallery, save

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
# The names that are right, besides that of the file; capital letters do not matter.
NAMES = {
    "animal": {"fourleg"},
    "mug": {"cup"},
    "person": {"human"},
    "plant": {"flower_pot"},
}
POINTS, SCANNED, NOISE = 2048, 0.5, 0.02


def forms(shape: Mesh | Cloud, seed: int) -> dict[str, Mesh | Cloud]:
    """Make the forms of a shape, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    cloud = shape.sample(POINTS, seed)
    angles = 2 * math.pi * torch.rand(4, generator=generator)
    height = torch.randn(3, generator=generator)
    height[1] = height[1].abs() / 3  # scanners look from the side, a little from above
    height /= height.norm()
    seen = (cloud.pos @ height).argsort(descending=True)[: int(SCANNED * POINTS)]
    scan = cloud.pos[seen]
    size = (scan - scan.mean(0)).norm(dim=1).max()
    noisy = scan + NOISE * size * torch.randn(scan.shape, generator=generator)
    clouds = {"cloud": cloud.pos, "scan": scan, "noisy scan": noisy}
    turned = {
        name: Cloud(about_y(pos, angle), name=shape.name)
        for (name, pos), angle in zip(clouds.items(), angles[1:].tolist(), strict=True)
    }
    return {"as it is": shape, **turned}


def about_y(pos: torch.Tensor, angle: float) -> torch.Tensor:
    """Turn positions about the upright axis."""
    cos, sin = math.cos(angle), math.sin(angle)
    return pos @ torch.tensor([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])


def judge(name: str, shape: Mesh | Cloud, models: list[PointModel]) -> tuple[str, str]:
    """Judge the answers on a shape: right, unsure or wrong, and what was said."""
    wanted = {name, *NAMES.get(name, ())}
    knows = [m for m in models if wanted & {c.lower() for c in m.info.taxonomy.categories}]
    found = [model.predict(shape, votes=1) for model in knows[:1] or models]
    said = [f"{each.category} {100 * each.best()[0][1]:.0f} %" for each in found]
    sure = [each for each in found if not unsure(each)]
    if not sure:
        return "unsure" if knows else "right", f"unsure ({', '.join(said)})"
    right = all(each.category.lower() in wanted for each in sure)
    return "right" if right else "wrong", ", ".join(said)


def unsure(found: Prediction) -> bool:
    """Tell whether an answer is unsure.

    A model without limits does not say so. It is judged by its probability, so that it can be
    compared with the others.
    """
    return found.best()[0][1] < SURE if found.unsure is None else found.unsure


def draw(failures: list[Panel]) -> Figure:
    """Draw the shapes whose answers are wrong, seen from the front right."""
    style = Style(camera=Camera(azimuth=-40.0), width=1.7, dpi=100, point_size=0.016)
    return gallery(failures, columns=min(4, len(failures)), style=style)


def main() -> None:
    """Read the command line, try all samples, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classifier", default=list_pretrained("classification")[0])
    parser.add_argument("--segmenter", default=list_pretrained("segmentation")[0])
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="the folder of the shapes")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path, help="where to draw what is wrong, a PNG file")
    options = parser.parse_args()
    rows, counts, failures = list[tuple[str, ...]](), Counter[str](), list[Panel]()
    try:
        check_file(json=options.json)
        check_picture(picture=options.picture)
        models = [load_model(options.classifier), load_model(options.segmenter)]
        for model, task in zip(models, ("classification", "segmentation"), strict=True):
            if model.task != task:
                raise InputError(f"{model.info.name!r} is a model for {model.task}, not for {task}")
        for number, file in enumerate(sorted(options.samples.iterdir())):
            for form, shape in forms(read(file), number).items():
                verdict, said = judge(file.stem, shape, models)
                counts[verdict] += 1
                rows.append((file.name if form == "as it is" else "", form, said, verdict))
                if verdict == "wrong":
                    failures.append(Panel(shape, title=f"{file.stem}, {form}:\n{said}"))
        if options.json is not None:
            write_json(options.json, {"counts": counts, "rows": rows})
    except (InputError, OSError) as error:
        sys.exit(f"check_samples: {error}")
    say_table(("sample", "form", "answer", "verdict"), rows, numbers=0)
    print(", ".join(f"{counts[each]} {each}" for each in ("right", "unsure", "wrong")))
    if options.picture is not None and failures:
        save(draw(failures), options.picture)


if __name__ == "__main__":
    main()
