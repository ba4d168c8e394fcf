"""``pcea classify``: what a file shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from pcea.cli.batch import Batch
from pcea.cli.output import check_json, percent, say_table, track, write_json
from pcea.cli.weights import at_least_one, open_as, origin


@dataclass(frozen=True)
class Classify:
    """Name what meshes and clouds show."""

    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")] = ()
    """Meshes or clouds: files, folders or globs."""
    weights: Annotated[str | None, arg(metavar="WEIGHTS")] = None
    """The model: a run folder, a .safetensors file or a name; None: the best that ships."""
    top: int = 5
    """How many categories to name."""
    votes: int = 1
    """How many samplings of a shape are averaged."""
    up: Literal["auto", "x", "-x", "y", "-y", "z", "-z"] = "auto"
    """The up axis; auto: it is guessed."""
    keep_strays: bool = False
    """Whether to keep isolated points, which are left out else."""
    device: Annotated[str | None, arg(metavar="DEVICE")] = None
    """Where to compute; None: the GPU if there is one."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write the results as JSON, too."""

    def run(self) -> int:
        """Classify the files."""
        from pcea.formats import read
        from pcea.models import Classifier

        at_least_one(top=self.top, votes=self.votes)
        check_json(self.json)
        batch = Batch(self.files)
        model = open_as(Classifier, self.weights, self.device, self.keep_strays)
        results = []
        for file in track(batch.files):
            with batch.trying(file):
                found = model.predict(read(file), self.votes, self.up)
                results.append(
                    {
                        "file": str(file),
                        "up": found.up,
                        "up_confidence": found.up_confidence,
                        "categories": [
                            {"name": name, "probability": p} for name, p in found.best(self.top)
                        ],
                        "notes": batch.tell(file, found),
                    }
                )
        if not results:
            return batch.status
        say_table(("file", "up", "category", "probability"), _rows(results))
        if self.json is not None:
            described = {
                **origin(model, self.weights),
                "votes": self.votes,
                "keep_strays": self.keep_strays,
                "files": results,
                "left_out": batch.left_out,
            }
            write_json(self.json, described)
        return batch.status


def _rows(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    rows = []
    for each in results:
        guessed = "" if each["up_confidence"] is None else " (guessed)"
        head: tuple[str, ...] = each["file"], each["up"] + guessed
        for found in each["categories"]:
            rows.append((*head, found["name"], percent(found["probability"])))
            head = "", ""
    return rows
