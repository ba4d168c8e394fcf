"""``pcea segment``: a file's shape, split into parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from pcea.cli.batch import Batch
from pcea.cli.output import check_json, percent, say, say_table, track, write_json
from pcea.cli.targets import check_out, name_targets, refuse_inputs
from pcea.cli.weights import at_least_one, open_as, origin
from pcea.errors import InputError

# Below this, what the model saw speaks more against the category than for it.
SURE = 0.5


@dataclass(frozen=True)
class Segment:
    """Split meshes and clouds into parts.

    For each file there are NAME.ply and NAME.glb, the shape coloured by part; NAME.png, the shape
    before and after; and NAME.npz, the labels: of points, or of vertices and faces.
    """

    out: Annotated[Path, arg(metavar="DIR")]
    """The folder to write to."""
    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")] = ()
    """Meshes or clouds: files, folders or globs."""
    weights: Annotated[str | None, arg(metavar="WEIGHTS")] = None
    """The model: a run folder, a .safetensors file or a name; None: the one that ships."""
    category: Annotated[str | None, arg(metavar="NAME")] = None
    """What the shapes are, where it is known; None: the model decides."""
    up: Literal["auto", "x", "-x", "y", "-y", "z", "-z"] = "auto"
    """The up axis; auto: it is guessed."""
    votes: int = 8
    """How many samplings of a shape are averaged."""
    smooth: Annotated[int, arg(metavar="ROUNDS")] = 0
    """How often each face of a mesh takes the part that most of its neighbors have."""
    background: Literal["white", "dark"] = "white"
    """What is behind the shapes in pictures."""
    keep_strays: bool = False
    """Whether to keep isolated points, which are left out else."""
    device: Annotated[str | None, arg(metavar="DEVICE")] = None
    """Where to compute; None: the GPU if there is one."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write a summary as JSON, too."""

    def run(self) -> int:
        """Segment the files."""
        from pcea.cli.segment_outputs import ENDINGS, beside, draw, shares, write
        from pcea.formats import read
        from pcea.models import Segmenter

        at_least_one(votes=self.votes)
        if self.smooth < 0:
            raise InputError(f"--smooth is {self.smooth}; it must be at least 0")
        check_json(self.json)
        check_out(self.out)
        batch = Batch(self.files)
        targets = name_targets(batch.files, self.out)
        refuse_inputs(batch.files, [beside(target, each) for target in targets for each in ENDINGS])
        model = open_as(Segmenter, self.weights, self.device, self.keep_strays)
        if self.category is not None:
            model.info.taxonomy.category_id(self.category)
        results, complaints = [], dict[str, None]()
        for file, target in track(list(zip(batch.files, targets, strict=True))):
            with batch.trying(file):
                shape = read(file)
                found = model.segment(shape, self.category, self.votes, self.up, self.smooth)
                up = found.up
                parts = shares(model, shape, found)
                write(model, shape, found, up, target)
                try:
                    draw(
                        *(model, shape, found, up, parts, target),
                        *(self.smooth, self.background),
                    )
                except InputError as error:  # the labels are worth having without a picture
                    complaints[f"{target}.png was not drawn: {error}"] = None
                results.append(
                    {
                        "file": str(file),
                        "category": found.category,
                        "category_probability": found.category_probability,
                        "up": up,
                        "up_confidence": found.up_confidence,
                        "points": len(found.part),
                        "faces": None if found.face_part is None else len(found.face_part),
                        "parts": parts,
                        "notes": batch.tell(file, shape, found),
                        **{each[1:]: f"{target}{each}" for each in ENDINGS},
                    }
                )
        if not results:
            return batch.status
        say_table(("file", "category", "sure", "up", "part", "share"), _rows(results))
        for complaint in complaints:
            say(complaint)
        say(
            f"labels (.npz), coloured shapes (.ply, .glb) and pictures (.png) are in {self.out}; "
            "a share is of a mesh's surface, or of a cloud's points"
        )
        if self.json is not None:
            described = {
                **origin(model, self.weights),
                "votes": self.votes,
                "smooth": self.smooth,
                "keep_strays": self.keep_strays,
                "files": results,
                "left_out": batch.left_out,
            }
            write_json(self.json, described)
        return batch.status


def _rows(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line for each part that a shape has, the file's name and so on before the first."""
    rows = list[tuple[str, ...]]()
    for each in results:
        how = "" if each["up_confidence"] is None else " (guessed)"
        sure = _sure(each["category_probability"])
        head = each["file"], each["category"], sure, each["up"] + how
        for part, share in each["parts"].items():
            rows.append((*head, part, percent(share)))
            head = "", "", "", ""
    return rows


def _sure(probability: float | None) -> str:
    """Say how sure the model is of a category that it was not told."""
    if probability is None:
        return "given"
    return percent(probability) + (" (unsure)" if probability < SURE else "")
