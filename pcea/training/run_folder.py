"""The folder of a run, and the state in it from which training is resumed.

``recipe.yaml``, ``metrics.jsonl``, ``model.safetensors`` (best by validation),
``last.safetensors``, ``resume/state.pt``, ``report.html`` and TensorBoard's events.
"""

import io
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import yaml

from pcea.errors import InputError, checked
from pcea.formats.write import replacing
from pcea.recipes import Recipe, parse_recipe
from pcea.version import __version__


class RunFolder:
    """The folder of a run, and the names of the files in it."""

    @checked()
    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.recipe = self.path / "recipe.yaml"
        self.metrics = self.path / "metrics.jsonl"
        self.state = self.path / "resume" / "state.pt"
        self.best = self.path / "model.safetensors"
        self.last = self.path / "last.safetensors"
        self.report = self.path / "report.html"

    def create(
        self,
        recipe: Recipe,
        data_root: str | Path | None,
        state: Mapping[str, Any],
        objects: Mapping[str, str] | None = None,
        chosen: Sequence[str] = (),
    ) -> None:
        """Make the folder for a new run, with its recipe and the state before the first step.

        ``objects`` describes arguments that were objects, which must be given again to resume.
        ``chosen`` has one line for each ``auto``, which says what it became, and why.
        """
        if self.recipe.exists():
            raise InputError(
                f"{self.path} holds a run already: resume it with --resume {self.path}, "
                "or name another folder with --out"
            )
        described: dict[str, Any] = {
            "recipe": json.loads(json.dumps(asdict(recipe))),  # with lists instead of tuples
            "data_root": None if data_root is None else str(Path(data_root).resolve()),
            "versions": {
                "pcea": __version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
                "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            },
            "commit": _commit(),
            "chosen": list(chosen),
        }
        if objects:
            described["objects"] = {**objects, "resume": self._call(objects)}
        # The recipe comes last: a folder that has one can be resumed.
        self.save_state(state)
        with replacing(self.recipe) as file:
            file.write(yaml.safe_dump(described, sort_keys=False).encode())

    def check_resumable(self) -> None:
        """Refuse a folder that has no run, or one without the state that training goes on from."""
        if not self.recipe.is_file() or not self.state.is_file():
            raise InputError(f"no run to resume in {self.path}: give a folder that a run wrote")

    def describe(self) -> dict[str, Any]:
        """Read ``recipe.yaml``, with a Recipe in it; an InputError if this version cannot."""
        try:
            described = yaml.safe_load(self.recipe.read_text())
            recipe = parse_recipe(described["recipe"])
            return {**described, "recipe": recipe, "data_root": described["data_root"]}
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"cannot read {self.recipe}: {reason}") from error

    def check(self, recipe: Recipe, given: Iterable[str]) -> Recipe:
        """Return the recipe of the run; refuse another recipe, or other objects than it was given.

        A value that is ``auto`` in the given recipe may be any in that of the run.
        """
        described, given = self.describe(), set(given)
        objects = {k: v for k, v in described.get("objects", {}).items() if k != "resume"}
        if missing := sorted(set(objects) - given):
            what = " and ".join(f"{each} ({objects[each]})" for each in missing)
            raise InputError(
                f"the run in {self.path} was given objects, which are not saved: {what}; "
                f"resume it in Python with {self._call(objects)}"
            )
        if extra := sorted(given - set(objects)):
            raise InputError(
                f"the run in {self.path} has its own {extra[0]}: leave {extra[0]}= out"
            )
        before, now = asdict(described["recipe"]), asdict(recipe)
        if other := [name for name in now if now[name] not in (before[name], "auto")]:
            raise InputError(
                f"the run in {self.path} has another {other[0]} in its recipe, "
                f"{before[other[0]]!r}: to resume it, leave the recipe out"
            )
        own: Recipe = described["recipe"]
        return own

    def _call(self, objects: Iterable[str]) -> str:
        again = ", ".join(f"{each}=…" for each in objects)
        return f"pcea.train(out={str(self.path)!r}, resume=True, {again})"

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write the state for resuming; if that is interrupted, the old state is kept."""
        content = io.BytesIO()
        torch.save(dict(state), content)
        with replacing(self.state) as file:
            file.write(content.getbuffer())

    def load_state(self) -> dict[str, Any]:
        """Read what :meth:`save_state` wrote; only tensors and plain values are unpickled."""
        try:
            state = torch.load(self.state, map_location="cpu", weights_only=True)
        except OSError as error:
            raise InputError(f"cannot resume from {self.state}: {error.strerror}") from error
        # On a broken file, the unpickler raises errors of many kinds, some of which advise to load
        # it without protection.
        except Exception:
            state = None
        if not isinstance(state, dict):
            raise InputError(
                f"cannot resume from {self.state}: it is broken, or not written by pcea train"
            )
        return state

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add one epoch's figures to ``metrics.jsonl``."""
        with self.metrics.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read the figures of all epochs; an incomplete last line is left out."""
        rows = []
        with suppress(json.JSONDecodeError):
            for line in self.metrics.read_text().splitlines() if self.metrics.exists() else ():
                rows.append(json.loads(line))
        return rows

    def truncate_metrics(self, epochs: int) -> None:
        """Remove the figures of epochs after the saved state."""
        rows = self.read_metrics()[:epochs]
        with replacing(self.metrics) as file:
            file.writelines(f"{json.dumps(row)}\n".encode() for row in rows)


def _commit() -> str | None:
    """Find the git commit of this code, with "+" if files were changed; None outside git."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        command = ["git", "-C", str(here), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", __file__)  # fails in the repository of another project
        changed = git("status", "--porcelain", "--untracked-files=no", "--", str(here.parent))
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
