"""A file of measured runs, by which a comparison goes on where others, or other machines, ended.

It is gzipped JSON. Each run has its recipe, its curve and the score of every cloud, no weights.
"""

import gzip
import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcea.comparison.faithful import file_of
from pcea.comparison.grid import Entry, Grid, locked
from pcea.comparison.measures import read_scores
from pcea.datasets import PointCloudDataset
from pcea.errors import InputError
from pcea.formats import replacing
from pcea.training import RunFolder
from pcea.training.loop import fingerprint

_TEXTS = "recipe", "metrics"


@dataclass(frozen=True)
class KeptRuns:
    """The measured runs of a grid in a file.

    Args:
        file: the file, whose name ends in ``.json.gz``; it need not exist.
        grid: the runs.
        data: what they are measured on.
        training: the fingerprint of the split that they are trained on.
        conditions: the conditions under which a run must be measured to be kept or taken.
    """

    file: Path
    grid: Grid
    data: PointCloudDataset
    training: str
    conditions: Sequence[str]

    def read(self) -> dict[str, dict[str, Any]]:
        """Read all runs, by attention and seed; an InputError if it is no such file."""
        if not self.file.exists():
            return {}
        try:
            runs = json.loads(gzip.decompress(self.file.read_bytes()))
            for run in runs.values():
                conditions = run["scores"]["conditions"].values()
                lists = [each["scores"] for each in conditions if each["figures"]]
                texts = {**dict.fromkeys(_TEXTS), **run}
                if not all(isinstance(texts[each], str) for each in texts if each != "scores"):
                    raise ValueError("a run is not complete")
                if {len(each) for each in lists} != {run["scores"]["clouds"]}:
                    raise ValueError("a score is missing")
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = getattr(error, "strerror", None) or "it is no file of measured runs"
            raise InputError(f"cannot read {self.file}: {reason}") from error
        found: dict[str, dict[str, Any]] = runs
        return found

    def check(self) -> None:
        """Refuse a file in which runs of this grid could neither be used nor be replaced.

        That are runs of the same name by another recipe or on other data, and those that were
        measured under conditions that this grid lacks, and not under all that it has.
        """
        runs = self.read()
        for entry, seed in self.grid.pairs():
            name = _name(entry, seed)
            if (kept := runs.get(name)) is None:
                continue
            if not self._is_same(kept, entry, seed):
                raise InputError(
                    f"{self.file}: {name} is a run of another recipe, split or data set, and would "
                    "be lost: name another file"
                )
            theirs = set(kept["scores"]["conditions"])
            ours = {*self.conditions, *read_scores(self.grid.run_of(entry, seed), self.data)}
            missing = [each for each in self.conditions if each not in theirs]
            if missing and (lost := sorted(theirs - ours)):
                raise InputError(
                    f"{self.file}: {name} was measured under {lost[0]}, but not under "
                    f"{missing[0]}: add {lost[0]} to what is measured, or name another file"
                )

    def take(self) -> int:
        """Put runs of the file that are missing into the folder of the comparison; count them.

        Runs without one of the conditions are left out.
        """
        runs, count = self.read(), 0
        for entry, seed in self.grid.pairs():
            kept, run = runs.get(_name(entry, seed)), self.grid.run_of(entry, seed)
            if kept is None or not self._fits(kept, entry, seed):
                continue
            own_file = file_of(run, self.data)
            with locked(run.path, patient=False) as ours:
                if not ours or run.recipe.exists():  # it is there, or another process trains it
                    continue
                run.path.mkdir(parents=True, exist_ok=True)
                # The recipe comes last: a folder that has one is a run.
                texts = {
                    f"scores-{self.data.split}.json": json.dumps(kept["scores"]),
                    run.metrics.name: kept["metrics"],
                    **{each: kept[each] for each in (own_file.name,) if each in kept},
                    run.recipe.name: kept["recipe"],
                }
                for name, text in texts.items():
                    with replacing(run.path / name) as file:
                        file.write(text.encode())
            count += 1
        return count

    def add(self) -> None:
        """Add the measured runs of the comparison to the file.

        A run that it has is replaced if nothing that was measured of it is lost.
        """
        new = dict[str, dict[str, Any]]()
        for entry, seed in self.grid.pairs():
            run = self.grid.run_of(entry, seed)
            scores = read_scores(run, self.data)
            if run.recipe.exists() and all(each in scores for each in self.conditions):
                new[_name(entry, seed)] = {
                    "recipe": run.recipe.read_text("utf-8"),
                    "metrics": run.metrics.read_text("utf-8") if run.metrics.exists() else "",
                    "scores": {
                        "data": fingerprint(self.data),
                        "training": self.training,
                        "clouds": len(self.data),
                        "conditions": scores,
                    },
                }
                if (other := file_of(run, self.data)).exists():
                    new[_name(entry, seed)][other.name] = other.read_text("utf-8")
        if not new:
            return
        with locked(self.file):  # another process may add its runs
            self.file.parent.mkdir(parents=True, exist_ok=True)
            old = self.read()
            new = {name: run for name, run in new.items() if _has_all(run, old.get(name))}
            text = json.dumps(dict(sorted({**old, **new}.items())), indent=1)
            with replacing(self.file) as file:
                file.write(gzip.compress(text.encode(), mtime=0))

    def _fits(self, kept: dict[str, Any], entry: Entry, seed: int) -> bool:
        measured = kept["scores"].get("conditions", ())
        return self._is_same(kept, entry, seed) and all(
            each in measured for each in self.conditions
        )

    def _is_same(self, kept: dict[str, Any], entry: Entry, seed: int) -> bool:
        """Tell whether a kept run is of the same recipe and was measured on the same data."""
        measured = kept["scores"].get("data"), kept["scores"].get("training")
        if measured != (fingerprint(self.data), self.training):
            return False
        with tempfile.TemporaryDirectory() as folder, suppress(InputError):
            run = RunFolder(folder)
            run.recipe.write_text(kept["recipe"], "utf-8")
            run.check(self.grid.recipe_of(entry, seed), ())
            return True
        return False


def _has_all(new: dict[str, Any], old: dict[str, Any] | None) -> bool:
    """Tell whether a run has all that was measured of an older one."""
    if old is None:
        return True
    conditions = old["scores"]["conditions"].keys() <= new["scores"]["conditions"].keys()
    return conditions and old.keys() <= new.keys()


def _name(entry: Entry, seed: int) -> str:
    return f"{entry.label}, seed {seed}"
