"""Measuring a comparison: the score of every cloud in every run, and what each attention costs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from pcea.benchmarks.limits import count_operations
from pcea.benchmarks.machine import describe_machine
from pcea.benchmarks.measure import Call, Contest, Contestant
from pcea.benchmarks.measure import compare as time_in_turn
from pcea.benchmarks.memory import weigh
from pcea.benchmarks.run import clock_of
from pcea.benchmarks.training import Stepper
from pcea.comparison.grid import Grid, device_of, locked
from pcea.datasets import PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.evaluation import check_fit, evaluate
from pcea.formats import write_json
from pcea.models import load_model
from pcea.names import printable
from pcea.recipes import Recipe
from pcea.training import RunFolder, build_model
from pcea.training.loop import fingerprint

CLEAN = "clean"
ROUNDS = 5

# Of each condition, the figures of a run and the score of each cloud.
Measured = dict[str, dict[str, Any]]


def corruptions_of(conditions: Iterable[str]) -> list[list[str]]:
    """Group the corrupted conditions by corruption, each with its severities.

    Means are taken over the severities first, so that every corruption counts the same.
    """
    found = dict[str, list[str]]()
    for each in conditions:
        if each != CLEAN:
            found.setdefault(each.partition(":")[0], []).append(each)
    return list(found.values())


@dataclass(frozen=True)
class Cost:
    """What an attention costs in the recipe's model.

    Args:
        parameters: learned numbers of the whole model.
        operations: floating point operations of a forward pass of one cloud.
        step_seconds: the median time of a training step; None if it failed.
        peak_bytes: memory of a training step beyond the data, the weights and the optimizer; None
            where the system does not tell.
    """

    parameters: int
    operations: float
    step_seconds: float | None
    peak_bytes: int | None


def read_scores(run: RunFolder, data: PointCloudDataset) -> Measured:
    """Read what was measured of a run on these data; nothing if that is not known."""
    file = _scores_of(run, data)
    try:
        kept = json.loads(file.read_text()) if file.exists() else {}
        found: Measured = kept["conditions"] if kept.get("data") == fingerprint(data) else {}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"cannot read {file}: delete it, to measure again") from error
    return found


def _scores_of(run: RunFolder, data: PointCloudDataset) -> Path:
    return run.path / f"scores-{data.split}.json"


def check_measurable(run: RunFolder, data: PointCloudDataset, conditions: Sequence[str]) -> None:
    """Refuse a run without weights that was not measured on these data under every condition."""
    found = read_scores(run, data)
    missing = [each for each in conditions if each not in found]
    if missing and not run.last.exists():
        raise InputError(
            f"{run.path} has no weights, and was not measured on this {data.split} split under "
            f"{missing[0]}: delete the folder, to train it again"
        )


def measure_run(
    run: RunFolder, recipe: Recipe, data: PointCloudDataset, conditions: Sequence[str]
) -> Measured:
    """Evaluate the weights of a run's last epoch under each condition, where that is not done.

    A condition is ``clean``, or a corruption with its severity, such as ``jitter:3``. The results
    are kept in the run's folder.
    """
    with locked(run.path):  # another process may measure the same comparison
        check_measurable(run, data, conditions)
        found = read_scores(run, data)
        if missing := [each for each in conditions if each not in found]:
            name = printable(f"{run.path.parent.name}, {run.path.name}")
            note = f"measuring {name} on {len(data)} clouds, conditions: {len(missing)}"
            Console(highlight=False).print(note, markup=False, soft_wrap=True)
            device = device_of()
            model, clouds = load_model(run.last, device), data.clouds.to(device)
            check_fit(model, data)
            for condition in missing:
                name, _, severity = condition.partition(":")
                how: dict[str, Any] = {"corruption": name, "severity": int(severity or 1)}
                how = {} if condition == CLEAN else how
                result = evaluate(model, clouds, recipe.num_points, **how)
                scores = [round(each, 6) for each in result.scores.tolist()]
                found[condition] = {"figures": result.figures(recipe.metric), "scores": scores}
                write_json(_scores_of(run, data), {"data": fingerprint(data), "conditions": found})
    return {each: found[each] for each in conditions}


def measure_costs(
    grid: Grid, data_root: str | Path | None
) -> tuple[dict[str, Cost], dict[str, Any]]:
    """Measure what each attention costs, and describe the machine.

    All attentions take turns in one measurement, so that they can be compared. It is kept in
    ``costs.json``, and repeated if there are further attentions.
    """
    file = grid.out / "costs.json"
    with locked(file):
        costs, machine = _read_costs(file)
        if any(entry.label not in costs for entry in grid.entries):
            costs, machine = _measure_all(grid, data_root)
            plain = {label: asdict(cost) for label, cost in costs.items()}
            write_json(file, {"machine": machine, "costs": plain})
    return costs, machine


def _read_costs(file: Path) -> tuple[dict[str, Cost], dict[str, Any]]:
    if not file.exists():
        return {}, {}
    try:
        kept = json.loads(file.read_text())
        return {label: Cost(**cost) for label, cost in kept["costs"].items()}, kept["machine"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"cannot read {file}: delete it, to measure again") from error


def _measure_all(
    grid: Grid, data_root: str | Path | None
) -> tuple[dict[str, Cost], dict[str, Any]]:
    device, machine = device_of(), describe_machine(device_of())
    say = Console(highlight=False).print
    say(f"measuring the cost of {len(grid.entries)} attentions")
    recipes = {e.label: replace(grid.recipe_of(e, 0), compile="no") for e in grid.entries}
    data = _training_split(grid.recipe, data_root)
    sizes = {label: _sizes(recipe, data) for label, recipe in recipes.items()}
    contestants = [
        Contestant(label, partial(_step, recipe, data_root, device), kind="ours")
        for label, recipe in recipes.items()
    ]
    found = time_in_turn(Contest("a training step", contestants, None), ROUNDS, clock_of(device))
    if not found.interrupted:
        weigh(found, device)
    _load.cache_clear()
    if found.interrupted:
        raise KeyboardInterrupt
    for row in found.rows:
        if row.error:
            note = f"{row.contestant.name}: a training step could not be timed: {row.error}"
            say(printable(note), markup=False, soft_wrap=True)
    costs = {
        row.contestant.name: Cost(
            *sizes[row.contestant.name],
            step_seconds=None if row.time is None else row.time.median,
            peak_bytes=row.peak,
        )
        for row in found.rows
    }
    return costs, machine


def _step(recipe: Recipe, data_root: str | Path | None, device: torch.device) -> Call:
    """Make a call that makes one training step."""
    return Stepper(recipe, data_root, device, _training_split(recipe, data_root)).step


def _training_split(recipe: Recipe, data_root: str | Path | None) -> PointCloudDataset:
    return _load(recipe.dataset, recipe.train_split, data_root)


@lru_cache(maxsize=1)
def _load(name: str, split: str, data_root: str | Path | None) -> PointCloudDataset:
    """Load clouds that all attentions share, because they may fill much of the memory."""
    return load_dataset(name, split, data_root)


def _sizes(recipe: Recipe, data: PointCloudDataset) -> tuple[int, float]:
    """Count the parameters, and the operations of a forward pass of one cloud."""
    # Without values, the model runs in its plain form, whose operations are all counted.
    with torch.device("meta"):
        model = build_model(recipe, data)
        pos = torch.empty(1, recipe.num_points, 3)
    model = model.to("meta").eval()
    normal = pos if recipe.normals else None
    with torch.no_grad():
        operations = count_operations(lambda: model(pos, normal))
    return sum(each.numel() for each in model.parameters()), operations
