"""The runs of a comparison: one for each attention and seed, trained where they are missing."""

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any, get_args, get_type_hints

import torch
import yaml
from filelock import FileLock, Timeout
from rich.console import Console

from pcea.attention.base import ATTENTIONS
from pcea.errors import InputError
from pcea.formats.write import replacing
from pcea.names import printable
from pcea.recipes import Recipe, read_recipe
from pcea.registry import read_call, write_call
from pcea.training import RunFolder, train
from pcea.training.device import in_bf16
from pcea.training.setup import check_model, resolve

RECIPE_FILE = "recipe.yaml"
# What is the same in all runs of a grid, or what the grid itself sets.
_COMMON = {"name", "attention", "attention_options", "seed", "dataset", "train_split", "num_points"}


@dataclass(frozen=True)
class Entry:
    """One attention of a comparison, with its options.

    Args:
        label: how tables name it, such as ``external(slots=64)``.
        changes: the values of the recipe that it replaces.
    """

    label: str
    changes: Mapping[str, Any]


def read_entry(text: str, recipe: Recipe) -> Entry:
    """Parse an attention with its options, such as ``external`` or ``external(slots=64)``.

    A named value is an option of the attention. If the attention has no option of that name, it is
    a value of the recipe, such as ``residual=add``; ``model_options`` are added to the recipe's.
    """
    name, positional, values = read_call(text)
    if positional:
        raise InputError(f"{text!r}: options have names, as in 'external(slots=64)'")
    own = inspect.signature(ATTENTIONS.get(name)).parameters
    known = {each.name for each in fields(Recipe)} - _COMMON - set(own)
    kinds = get_type_hints(Recipe)
    for key in known & set(values):  # residual=none is the word
        if values[key] is None and type(None) not in get_args(kinds[key]):
            values[key] = "none"
    changes = {key: value for key, value in values.items() if key in known}
    if isinstance(given := changes.get("model_options"), dict):
        changes["model_options"] = {**recipe.model_options, **given}
    options = {key: value for key, value in values.items() if key not in known}
    changes |= {"attention": name, "attention_options": options}
    return Entry(write_call(name, dict(sorted(values.items()))), changes)


@dataclass(frozen=True)
class Grid:
    """The runs of a comparison, each in a folder of its own below ``out``.

    Args:
        recipe: what all runs have in common.
        entries: the attentions; the first one is what the others are compared with.
        seeds: the seeds of each.
        out: the folder of the comparison.
    """

    recipe: Recipe
    entries: tuple[Entry, ...]
    seeds: tuple[int, ...]
    out: Path

    @classmethod
    def create(
        cls, recipe: Recipe, attentions: Sequence[str], seeds: Sequence[int], out: Path
    ) -> "Grid":
        """Check every run before the first one is trained, and keep the recipe in ``out``.

        The precision ``auto`` becomes that of this device, or of the recipe in ``out``, so that all
        runs have the same. It is an InputError if a run cannot be trained, or if ``out`` has
        another recipe.
        """
        # These differ between the runs, and what the recipe says of them plays no part.
        recipe, _ = resolve(
            replace(recipe, attention=None, attention_options={}, seed=0), None, None, None
        )
        entries = tuple(read_entry(each, recipe) for each in attentions)
        labels: list[Any] = [entry.label for entry in entries]
        for what, given in ("attention", labels), ("seed", list(seeds)):
            if not given:
                raise InputError(f"a comparison needs at least one {what}")
            if twice := [each for each in given if given.count(each) > 1]:
                raise InputError(f"{what} {twice[0]} is given twice")
        grid = cls(_with_precision(recipe, out), entries, tuple(seeds), out)
        for entry in entries:
            check_model(grid.recipe_of(entry, 0))
        grid._keep_recipe()
        for entry, seed in grid.pairs():
            grid.is_done(entry, seed)  # refuses a run of another recipe
        return grid

    def _keep_recipe(self) -> None:
        kept = self.out / RECIPE_FILE
        if not kept.exists():
            values = json.loads(json.dumps(asdict(self.recipe)))  # with lists instead of tuples
            with replacing(kept) as file:
                file.write(yaml.safe_dump(values, sort_keys=False).encode())
        before, now = asdict(read_recipe(kept)), asdict(self.recipe)
        if other := [name for name in now if now[name] != before[name]]:
            raise InputError(
                f"the comparison in {self.out} has another {other[0]} in its recipe, "
                f"{before[other[0]]!r}: give the same recipe, or name another folder"
            )

    def check_data(self, training: str) -> None:
        """Refuse a folder whose runs were trained on other clouds; keep their fingerprint there.

        ``training`` is :func:`pcea.training.loop.fingerprint` of the split that is trained on.
        """
        file = self.out / "training-data.txt"
        if not file.exists():
            with replacing(file) as new:
                new.write(training.encode())
        if file.read_text("utf-8") != training:
            raise InputError(
                f"the runs in {self.out} were trained on other clouds of {self.recipe.dataset} "
                f"({self.recipe.train_split}): name another folder"
            )

    def pairs(self) -> Iterator[tuple[Entry, int]]:
        """Iterate over the runs, all attentions with the first seed before those with the next."""
        return ((entry, seed) for seed, entry in product(self.seeds, self.entries))

    def recipe_of(self, entry: Entry, seed: int) -> Recipe:
        """Return the recipe of a run."""
        return replace(self.recipe, **entry.changes, seed=seed)

    def run_of(self, entry: Entry, seed: int) -> RunFolder:
        """Return the folder of a run, ``out/runs/ATTENTION/seedN``."""
        folder = re.sub(r"[^\w=.-]+", "_", entry.label).strip("_")
        return RunFolder(self.out / "runs" / folder / f"seed{seed}")

    def commits(self) -> tuple[str, ...]:
        """The versions of the code that trained the runs, as far as their folders tell."""
        runs = [self.run_of(*pair) for pair in self.pairs()]
        known = {run.describe().get("commit") for run in runs if run.recipe.exists()}
        return tuple(sorted(each for each in known if each))

    def is_done(self, entry: Entry, seed: int) -> bool:
        """Say whether a run is trained; an InputError if its folder holds a run of another recipe.

        The report is written last. One that was taken from a file of measured runs has only scores.
        """
        run = self.run_of(entry, seed)
        if run.recipe.exists():
            run.check(self.recipe_of(entry, seed), ())
        measured = run.recipe.exists() and any(run.path.glob("scores-*.json"))
        return measured or run.report.exists()

    def train(
        self,
        data_root: str | Path | None = None,
        after: Callable[[Entry, int], object] = lambda entry, seed: None,
    ) -> dict[str, str]:
        """Train the runs that are missing, and resume those that were interrupted.

        ``after`` is called for each run that was trained, with its attention and its seed.

        Several processes may train one grid: each takes the next run that no other one trains, and
        at the end waits for the runs of the others.

        Returns:
            The runs that failed, such as ``external, seed 0``, with the reason. A failed run, whose
            loss is no longer finite, does not end the others.
        """
        console, failed = Console(highlight=False), dict[str, str]()
        missing = [pair for pair in self.pairs() if not self.is_done(*pair)]
        for patient in (False, True):
            for entry, seed in missing:
                run, name = self.run_of(entry, seed), f"{entry.label}, seed {seed}"
                if name in failed:
                    continue
                with locked(run.path, patient) as ours:
                    if not ours or self.is_done(entry, seed):
                        continue
                    number = missing.index((entry, seed)) + 1
                    note = f"run {number} of {len(missing)}: {printable(name)}"
                    console.print(note, markup=False, soft_wrap=True)
                    try:
                        recipe = self.recipe_of(entry, seed)
                        train(recipe, run.path, data_root, resume=run.recipe.exists())
                    except KeyboardInterrupt:
                        reason = f"{name} is saved: the same command goes on"
                        raise KeyboardInterrupt(reason) from None
                    except InputError as error:
                        if not run.recipe.exists():  # nothing was trained: it is wrong for all
                            raise
                        failed[name] = str(error)
                        console.print(f"failed: {error}", markup=False, soft_wrap=True)
                        continue
                after(entry, seed)  # which takes the lock itself
        return failed


def _with_precision(recipe: Recipe, out: Path) -> Recipe:
    if recipe.precision != "auto":
        return recipe
    if (kept := out / RECIPE_FILE).exists():
        return replace(recipe, precision=read_recipe(kept).precision)
    return replace(recipe, precision="bf16" if in_bf16(recipe, device_of()) else "float32")


def device_of() -> torch.device:
    """Return the device of all runs and measurements."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def locked(path: Path, patient: bool = True) -> Iterator[bool]:
    """Hold the lock of what stands at a path; say whether it is held.

    If another process holds it, it is waited for, or else not held.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        lock.acquire(timeout=-1 if patient else 0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
