"""``pcea segment``: a file's shape, split into parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from pcea.cli.output import check_json, percent, say, say_table, track, write_json
from pcea.cli.weights import at_least_one, open_as
from pcea.errors import InputError
from pcea.version import __version__

if TYPE_CHECKING:
    from pcea.formats import Cloud, Mesh
    from pcea.models import Segmentation, Segmenter

# A mesh is labelled at four points for each one that the model looks at, and at no fewer than this.
FEWEST_ON_MESH = 8192


@dataclass(frozen=True)
class Segment:
    """Split meshes and clouds into parts.

    For each file there is NAME.npz (pos, part, probability, part_names, category) and NAME.ply,
    the shape coloured by part.
    """

    out: Annotated[Path, arg(metavar="DIR")]
    """The folder to write to."""
    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")] = ()
    """Meshes or clouds: files, folders or globs."""
    weights: Annotated[str | None, arg(metavar="WEIGHTS")] = None
    """The model: a run folder or a .safetensors file."""
    category: Annotated[str | None, arg(metavar="NAME")] = None
    """What the shapes are, where it is known; None: the model decides."""
    votes: int = 1
    """How many samplings of a shape are averaged."""
    device: Annotated[str | None, arg(metavar="DEVICE")] = None
    """Where to compute; None: the GPU if there is one."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write a summary as JSON, too."""

    def run(self) -> None:
        """Segment the files."""
        from pcea.formats import expand, read
        from pcea.models import Segmenter

        at_least_one(votes=self.votes)
        check_json(self.json)
        files = expand(self.files)
        targets = name_outputs(files, self.out)
        model = open_as(Segmenter, self.weights, self.device)
        if self.category is not None:
            model.info.taxonomy.category_id(self.category)
        results = []
        for file, target in track(list(zip(files, targets, strict=True))):
            shape = read(file)
            found, cloud = split(model, shape, self.category, self.votes)
            write(model, shape, cloud, found, target)
            results.append(_describe(model, file, target, found))
        say_table(
            ("file", "category", "part", "points"),
            [
                (each["file"], each["category"], part, percent(share))
                if rank == 0
                else ("", "", part, percent(share))
                for each in results
                for rank, (part, share) in enumerate(each["parts"].items())
            ],
        )
        say(f"labels (.npz) and coloured shapes (.ply) are in {self.out}")
        if self.json is not None:
            described = {
                "task": model.task,
                "weights": self.weights,
                "model": model.info.name,
                "votes": self.votes,
                "version": __version__,
                "files": results,
            }
            write_json(self.json, described)


def name_outputs(files: Sequence[Path], out: Path) -> list[Path]:
    """Choose where each file's results go: no two to one place, and none over an input.

    Args:
        files: the inputs.
        out: the folder of the results.

    Returns:
        A path each, without the ending; files of one stem are told apart by a number.

    Raises:
        InputError: a result would take the place of an input.
    """
    # Some file systems take Chair and chair for one name.
    wanted = Counter(file.stem.casefold() for file in files)
    seen: Counter[str] = Counter()
    targets = []
    for file in files:
        name, key = file.stem, file.stem.casefold()
        while seen[key]:
            seen[key] += 1
            name = f"{file.stem}-{seen[key]}"
            if name.casefold() not in wanted and not seen[name.casefold()]:
                break
        seen[name.casefold()] += 1
        targets.append(out / name)
    inputs = {file.resolve() for file in files}
    for target in targets:
        for ending in (".npz", ".ply"):
            written = target.with_name(target.name + ending)
            if written.resolve() in inputs:
                raise InputError(f"{written} would be overwritten: give --out another folder")
    return targets


def split(
    model: Segmenter, shape: Mesh | Cloud, category: str | None, votes: int
) -> tuple[Segmentation, Cloud]:
    """Segment a cloud, or points on a mesh.

    Returns:
        The parts, and the N points that they belong to.
    """
    from pcea.formats import Mesh

    num = max(4 * model.info.num_points, FEWEST_ON_MESH)
    cloud = shape.sample(num) if isinstance(shape, Mesh) else shape
    return model.segment(cloud, category, votes), cloud


def write(
    model: Segmenter, shape: Mesh | Cloud, cloud: Cloud, found: Segmentation, target: Path
) -> None:
    """Write the labels and the coloured shape."""
    from pcea.formats import Mesh, write_npz, write_ply
    from pcea.geometry import knn
    from pcea.pictures.palette import part_colors

    taxonomy = model.info.taxonomy
    colors = part_colors(len(taxonomy.parts), taxonomy.parts_of)  # (P, 3)
    write_npz(
        target.with_name(f"{target.name}.npz"),
        pos=cloud.pos,
        part=found.part,
        probability=found.probability,
        part_names=list(taxonomy.parts),
        category=found.category,
    )
    ply = target.with_name(f"{target.name}.ply")
    if isinstance(shape, Mesh):
        nearest = knn(shape.vertices[None], cloud.pos[None], 1)[0, :, 0]  # (V,)
        part = found.part[nearest]
        write_ply(ply, shape.vertices, colors[part], shape.faces, part=part)
    else:
        write_ply(ply, cloud.pos, colors[found.part], normal=cloud.normal, part=found.part)


def _describe(model: Segmenter, file: Path, target: Path, found: Segmentation) -> dict[str, Any]:
    taxonomy = model.info.taxonomy
    own = taxonomy.parts_of[taxonomy.category_id(found.category)]
    shares = found.part.bincount(minlength=len(taxonomy.parts)) / len(found.part)
    return {
        "file": str(file),
        "category": found.category,
        "points": len(found.part),
        "parts": {taxonomy.parts[i]: float(shares[i]) for i in own},
        "npz": f"{target}.npz",
        "ply": f"{target}.ply",
    }
