#!/usr/bin/env python3
"""Measure on which side good and bad normals are, and what a segmenter makes of the bad ones.

    scripts/measure_sides.py [--weights W]
    scripts/measure_sides.py --dataset meshparts23 [--split val]

Each sample of ``data/samples`` that has normals, or each cloud of a split, is taken in several
forms: with its own normals, and with normals of which some or many are on the wrong side. For each
form it prints the smallest, the median and the largest share of normals that ``opposite_sides``
finds on the other side than the rest, and how many shapes are above the limit of the models. Of the
samples it also prints how often the category is right, unsure and wrong, first if the normals are
used as they are, and then if those above the limit are replaced.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import torch
from check_samples import NAMES, SAMPLES, unsure
from scipy.spatial import ConvexHull
from torch import Tensor

from pcea import Cloud, InputError, Mesh, load_dataset, load_model, read
from pcea.cli.output import say_table
from pcea.geometry import knn, opposite_sides
from pcea.models import PointModel, base
from pcea.models.weights import list_pretrained

POINTS, DENSE, NOISE, NEIGHBORS = 4096, 16384, 0.02, 30
FLIPPED = (10, 20, 30, 50)
VIEW = torch.tensor([1.0, 1.5, 2.0])
Shape = Mesh | Cloud


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default=list_pretrained("segmentation")[0])
    parser.add_argument("--dataset", help="measure the shares on a split, instead of the samples")
    parser.add_argument("--split", default="val")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--every", type=int, default=1, help="use every N-th shape only")
    wanted = parser.parse_args()
    model = None if wanted.dataset else load_model(wanted.weights)
    shapes = samples()
    if wanted.dataset:
        shapes = of_split(wanted.dataset, wanted.split, wanted.data_root)
    table: dict[str, list[tuple[float, str, str]]] = {}
    for seed, shape in enumerate(list(shapes)[:: wanted.every]):
        for form, changed in forms(shape, seed).items():
            found = share(changed)
            table.setdefault(form, []).append((found, *answers(changed, model, found)))
    answered = () if model is None else ("used as they are", "with the limit")
    heads = ("normals", "smallest", "median", "largest", f"above {base.MIXED}", *answered)
    say_table(heads, (row(*each, bool(answered)) for each in table.items()), len(heads) - 1)


def row(form: str, found: list[tuple[float, str, str]], answered: bool) -> tuple[str, ...]:
    """Summarize a form: its shares, how many are above the limit, and the answers."""
    shares = torch.tensor([each[0] for each in found])
    spread = (f"{float(each):.2f}" for each in (shares.min(), shares.median(), shares.max()))
    counts = [Counter(each[at] for each in found) for at in (1, 2)] if answered else []
    said = [" / ".join(str(each[key]) for key in ("right", "unsure", "wrong")) for each in counts]
    return form, *spread, f"{int((shares > base.MIXED).sum())} of {len(found)}", *said


def samples() -> Iterator[Shape]:
    """Read the samples that have normals."""
    for file in sorted(SAMPLES.iterdir()):
        shape = read(file)
        if isinstance(shape, Mesh) or shape.normal is not None:
            yield shape


def of_split(name: str, split: str, root: Path | None) -> Iterator[Shape]:
    """Take the clouds of a split that have normals."""
    clouds = load_dataset(name, split, root).clouds
    if clouds.normal is None or not clouds.normal.any():
        raise InputError("the split has no normals")
    for low, high in zip(clouds.ptr[:-1].tolist(), clouds.ptr[1:].tolist(), strict=True):
        if clouds.normal[low:high].any():
            yield Cloud(clouds.pos[low:high], clouds.normal[low:high])


def forms(shape: Shape, seed: int) -> dict[str, Shape]:
    """Make the forms of a shape with normals, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)

    def noisy(cloud: Cloud, noise: float) -> Cloud:
        size = (cloud.pos - cloud.pos.mean(0)).norm(dim=1).max()
        moved = noise * size * torch.randn(cloud.pos.shape, generator=generator)
        return Cloud(cloud.pos + moved, cloud.normal)

    def flips(num: int, percent: int) -> Tensor:
        return torch.rand(num, generator=generator) < percent / 100

    cloud = shape.sample(POINTS, seed) if isinstance(shape, Mesh) else shape
    scan = seen(shape.sample(DENSE, seed) if isinstance(shape, Mesh) else shape, generator)
    assert cloud.normal is not None and scan.normal is not None
    found: dict[str, Shape] = {
        "its own": shape,
        f"its own, noise {NOISE}": noisy(cloud, NOISE),
        "its own, one side seen": scan,
        f"its own, one side, noise {NOISE}": noisy(scan, NOISE),
    }
    for percent in FLIPPED:
        sign = 1.0 - 2.0 * flips(len(cloud), percent)[:, None]
        found[f"{percent} % of the signs wrong"] = Cloud(cloud.pos, sign * cloud.normal)
    if isinstance(shape, Mesh):
        for percent in FLIPPED:
            faces, flip = shape.faces.clone(), flips(len(shape.faces), percent)
            faces[flip] = faces[flip].flip(1)
            found[f"{percent} % of the faces flipped"] = Mesh(shape.vertices, faces, shape.name)
    plain = unoriented(cloud.pos)
    found["planes, no sides chosen"] = Cloud(cloud.pos, plain)
    found["planes, toward +z"] = Cloud(cloud.pos, toward(plain, torch.tensor([0.0, 0.0, 1.0])))
    center = cloud.pos.mean(0)
    view = center + (cloud.pos - center).norm(dim=1).max() * VIEW - cloud.pos
    found["planes, toward a viewpoint"] = Cloud(cloud.pos, toward(plain, view))
    sign = 1.0 - 2.0 * flips(len(scan), 50)[:, None]
    found["50 % of the signs wrong, one side seen"] = Cloud(scan.pos, sign * scan.normal)
    return {
        form: Cloud(each.pos, each.normal, name=shape.name) if isinstance(each, Cloud) else each
        for form, each in found.items()
    }


def seen(cloud: Cloud, generator: torch.Generator) -> Cloud:
    """Keep what is seen from one side: Katz et al., Direct Visibility of Point Sets, 2007."""
    assert cloud.normal is not None
    way = torch.randn(3, generator=generator)
    way[1] = way[1].abs() / 3  # scanners look from the side, a little from above
    center = cloud.pos.mean(0)
    size = float((cloud.pos - center).norm(dim=1).max())
    from_eye = (cloud.pos - center - 4 * size * way / way.norm()).double()
    far = from_eye.norm(dim=1, keepdim=True)
    turned = from_eye * (600 * size / far - 1)
    hull = torch.from_numpy(ConvexHull([*turned.tolist(), [0.0, 0.0, 0.0]]).vertices).long()
    index = hull[hull < len(cloud)].sort().values
    return cloud.select(index[(from_eye[index] * cloud.normal[index]).sum(1) < 0])


def unoriented(pos: Tensor) -> Tensor:
    """Fit a plane to the neighbors of each point (N, 3): (N, 3) normals of arbitrary sign."""
    near = pos[knn(pos[None], pos[None], min(NEIGHBORS, len(pos)))[0]].double()
    away = near - near.mean(1, keepdim=True)
    return torch.linalg.eigh(away.mT @ away).eigenvectors[..., 0].float()


def toward(normal: Tensor, way: Tensor) -> Tensor:
    """Turn normals (N, 3) toward (3,) or (N, 3) directions."""
    return torch.where((normal * way).sum(1, keepdim=True) < 0, -normal, normal)


def share(shape: Shape) -> float:
    """Measure the share of normals on the other side, as the models do."""
    cloud = shape.sample(base.SIDE_POINTS)
    assert cloud.normal is not None
    return float(opposite_sides(cloud.pos[None], cloud.normal[None]))


def answers(shape: Shape, model: PointModel | None, found: float) -> tuple[str, str]:
    """Judge the answers of a model that trusts all normals, and of the model as it is."""
    if model is None:
        return "", ""
    with patch.object(base, "MIXED", 1.0):
        trusting = judge(shape, model)
    return trusting, judge(shape, model) if found > base.MIXED else trusting


def judge(shape: Shape, model: PointModel) -> str:
    """Judge the answer on a sample: right, unsure or wrong."""
    name = shape.name.partition(".")[0]
    wanted = {name, *NAMES.get(name, ())}
    found = model.predict(shape, votes=1, up="y")
    if not wanted & {each.lower() for each in model.info.taxonomy.categories}:
        return "right" if unsure(found) else "wrong"
    if unsure(found):
        return "unsure"
    return "right" if found.category.lower() in wanted else "wrong"


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"measure_sides: {error}")
