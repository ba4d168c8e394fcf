"""``pcea classify``: what a file shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from pcea.cli.output import check_json, percent, say_table, track, write_json
from pcea.cli.weights import at_least_one, open_as
from pcea.version import __version__


@dataclass(frozen=True)
class Classify:
    """Name what meshes and clouds show."""

    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE …")] = ()
    """Meshes or clouds: files, folders or globs."""
    weights: Annotated[str | None, arg(metavar="WEIGHTS")] = None
    """The model: a run folder or a .safetensors file."""
    top: int = 5
    """How many categories to name."""
    votes: int = 1
    """How many samplings of a shape are averaged."""
    device: Annotated[str | None, arg(metavar="DEVICE")] = None
    """Where to compute; None: the GPU if there is one."""
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write the results as JSON, too."""

    def run(self) -> None:
        """Classify the files."""
        from pcea.formats import expand, read
        from pcea.models import Classifier

        at_least_one(top=self.top, votes=self.votes)
        check_json(self.json)
        files = expand(self.files)
        model = open_as(Classifier, self.weights, self.device)
        found = {file: model.classify(read(file), self.top, self.votes) for file in track(files)}
        say_table(
            ("file", "category", "probability"),
            [
                (str(file) if rank == 0 else "", name, percent(probability))
                for file, best in found.items()
                for rank, (name, probability) in enumerate(best)
            ],
        )
        if self.json is not None:
            results = [
                {
                    "file": str(file),
                    "categories": [{"name": name, "probability": p} for name, p in best],
                }
                for file, best in found.items()
            ]
            described = {
                "task": model.task,
                "weights": self.weights,
                "model": model.info.name,
                "votes": self.votes,
                "version": __version__,
                "files": results,
            }
            write_json(self.json, described)
