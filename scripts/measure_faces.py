#!/usr/bin/env python3
"""Measure how well the faces of labeled meshes are labeled.

    scripts/measure_faces.py FOLDER [--weights W]

FOLDER has one sub-folder per category, named as in the model. Beside each mesh NAME.off lies
NAME_labels.txt, with a part's name on one line and the numbers of its faces, from 1, on the next.

For each mesh it prints the accuracy at the points that the model took (a point has the label of its
face), the accuracy over the faces, weighted by area, and their difference. If the category is
unsure, a part is right if it has the name of the right one, such as leg, whatever the category.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pcea import InputError, Mesh, read
from pcea.cli.output import percent, say_table
from pcea.cli.weights import open_model
from pcea.datasets import Taxonomy
from pcea.formats import write_json
from pcea.geometry import face_areas
from pcea.models import Segmenter
from pcea.models.segmenter import common_names

ENDINGS = (".off", ".obj", ".ply", ".stl", ".glb")


@dataclass(frozen=True)
class Measured:
    """The figures of one mesh, as fractions.

    Args:
        file: the mesh.
        category: the predicted or given category.
        right: whether that is correct.
        at_points: accuracy at the points that the model took.
        at_faces: accuracy over the faces, weighted by area.
    """

    file: str
    category: str
    right: bool
    at_points: float
    at_faces: float


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", help="default: the part segmenter that ships")
    parser.add_argument("--votes", type=int, default=8)
    parser.add_argument("--smooth", type=int, default=0)
    parser.add_argument("--no-category", action="store_true", help="let the model predict it")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = open_model(Segmenter, options.weights)
    results = [
        measure(model, mesh, not options.no_category, options.votes, options.smooth)
        for mesh in labeled(options.folder)
    ]
    if not results:
        raise InputError(f"{options.folder}: no mesh in it has labels")
    rows = [
        (r.file, r.category if r.right else f"{r.category}, wrong", *_figures([r])) for r in results
    ]
    right = f"{sum(r.right for r in results)} of {len(results)} right"
    say_table(
        ("mesh", "category", "points", "faces", "gain"),
        [*rows, ("mean", right, *_figures(results))],
        numbers=3,
    )
    if options.json:
        write_json(options.json, [vars(each) for each in results])


def labeled(folder: Path) -> Iterator[Path]:
    """Find the meshes with labels in a folder's sub-folders, sorted."""
    for labels in sorted(folder.glob("*/*_labels.txt")):
        stem = labels.name.removesuffix("_labels.txt")
        meshes = (labels.with_name(stem + ending) for ending in ENDINGS)
        yield from (mesh for mesh in meshes if mesh.exists())


def read_labels(mesh: Path, num_faces: int, taxonomy: Taxonomy) -> Tensor:
    """Read the labels beside a mesh, whose folder is named as its category.

    It returns (F,) int64 part ids, -1 for a face without a label that the model knows. A file of
    another form raises an InputError.
    """
    path = mesh.with_name(f"{mesh.stem}_labels.txt")
    ids = {name.casefold(): i for i, name in enumerate(taxonomy.parts)}
    truth = torch.full((num_faces,), -1)
    lines = path.read_text().splitlines()
    for name, numbers in zip(lines[::2], lines[1::2], strict=False):
        try:
            faces = torch.tensor([int(each) for each in numbers.split()], dtype=torch.long) - 1
        except ValueError:
            raise InputError(f"{path}: face numbers belong below {name!r}") from None
        if len(faces) and not (faces.min() >= 0 and faces.max() < num_faces):
            raise InputError(f"{path}: {name!r} has faces beyond 1 to {num_faces}")
        truth[faces] = ids.get(f"{mesh.parent.name}/{name}".casefold(), -1)
    return truth


def by_common_name(truth: Tensor, own: Taxonomy, common: Taxonomy) -> Tensor:
    """Translate part ids (F,), or -1, to a taxonomy of common names; a name it lacks is no part."""
    ids = {name: i for i, name in enumerate(common.parts)}
    lacking = len(common.parts)
    translated = [ids.get(name, lacking) for name in common_names(own)]
    return torch.tensor([*translated, -1])[truth]  # the last one is that of -1


def measure(model: Segmenter, file: Path, given: bool, votes: int, smooth: int) -> Measured:
    """Segment a labeled mesh, y up, and compare; faces without a label do not count.

    Args:
        model: the segmenter.
        file: the mesh, with its labels beside it.
        given: whether the model is given the category.
        votes: how many samplings of the shape are averaged.
        smooth: rounds of smoothing of the faces' labels.
    """
    mesh = read(file)
    if not isinstance(mesh, Mesh):
        raise InputError(f"{file}: it has no faces")
    truth = read_labels(file, len(mesh.faces), model.info.taxonomy)
    name = model.info.taxonomy.categories[model.info.taxonomy.category_id(file.parent.name)]
    found = model.segment(mesh, name if given else None, votes, smooth=smooth)
    assert found.sample.face is not None and found.face_part is not None
    if found.unsure:
        truth = by_common_name(truth, model.info.taxonomy, found.taxonomy)
    wanted = truth[found.sample.face]
    at_points = (found.sample_part == wanted)[wanted >= 0].double().mean()
    area = face_areas(mesh.vertices, mesh.faces) * (truth >= 0)
    at_faces = (area * (found.face_part == truth)).sum() / area.sum()
    label = str(Path(file.parent.name) / file.name)
    return Measured(
        label, found.category, found.category == name, float(at_points), float(at_faces)
    )


def _figures(results: list[Measured]) -> tuple[str, str, str]:
    """Write the mean accuracies and their difference."""
    points = sum(each.at_points for each in results) / len(results)
    faces = sum(each.at_faces for each in results) / len(results)
    return percent(points), percent(faces), f"{100 * (faces - points):+.1f}"


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"measure_faces: {error}")
