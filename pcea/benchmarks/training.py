"""The contest of a recipe's training step, and the time of its phases."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from pcea.benchmarks import operators
from pcea.benchmarks.beside import beside, say_ratios, table, why_not
from pcea.benchmarks.measure import Call, Clock, Contest, Contestant, Measured, Precision
from pcea.benchmarks.operators import Kind
from pcea.benchmarks.report import Finding, number
from pcea.benchmarks.run import clock_of
from pcea.datasets import PointCloudDataset, load_dataset
from pcea.recipes import Recipe
from pcea.training import build_model
from pcea.training.batches import epoch_order, seed_step, training_batch
from pcea.training.device import in_bf16
from pcea.training.loop import take_step
from pcea.training.methods import create_method
from pcea.training.state import TrainingState
from pcea.transforms import as_transforms

PHASES = ("data", "forward", "backward", "optimizer")


class Shares(NamedTuple):
    """How the time of a step is divided.

    Args:
        phases: seconds of each phase, measured by waiting for the device after each.
        kinds: the operators by kind, the longest first, by the profiler.
    """

    phases: dict[str, float]
    kinds: list[Kind]


def training_contest(recipe: Recipe, data_root: str | Path | None, device: torch.device) -> Contest:
    """Make the contest of ``pcea bench train``: a step of the recipe, eager and compiled.

    ``data_root`` is the folder of data sets; None: ``$PCEA_DATA``, else ``./data``.
    """
    size = min(recipe.batch_size, steps_of(recipe, data_root)[1])
    precision: Precision = "bf16" if in_bf16(recipe, device) else "float32"
    about = f"{recipe.model}, {recipe.num_points:,} points, batch {size}, {precision}"
    ways: dict[str, Literal["yes", "no"]] = {"eager": "no", "compiled": "yes"}
    contestants = [
        Contestant(
            name,
            partial(build_step, replace(recipe, compile=compiled), data_root, device),
            kind="ours",
            precision=precision,
        )
        for name, compiled in ways.items()
    ]
    return Contest(f"Training step of {recipe.name}: {about}", contestants, "eager", items=size)


def findings(
    recipe: Recipe, data_root: str | Path | None, device: torch.device, outcome: Measured
) -> Iterator[Finding]:
    """Compute the time of an epoch from the contest, and measure the phases of a step."""
    steps, _ = steps_of(recipe, data_root)
    epochs = {
        row.contestant.name: steps * row.time.median for row in outcome.rows if row.time is not None
    }
    lines = [f"an epoch of {steps} steps, {name}: {number(s)} s" for name, s in epochs.items()]
    yield Finding(lines, {"epoch_seconds": epochs, "steps": steps})
    stepper = Stepper(recipe, data_root, device)
    stepper.step()
    phases, kinds = shares_of(stepper, clock_of(device))
    whole = sum(phases.values())
    rows = [
        (phase, number(1e3 * seconds), f"{100 * seconds / whole:.1f} %")
        for phase, seconds in phases.items()
    ]
    yield Finding(
        [
            "\nWhere an eager step's time goes, the device waited for in between",
            (("phase", "ms", "share"), rows),
            "\nThe operators of an eager step, under torch's profiler",
            operators.table(kinds),
        ],
        {"phase_seconds": phases, "operators": [asdict(kind) for kind in kinds]},
    )


def beside_other_work(outcome: Measured, device: torch.device, pairs: int) -> Iterator[Finding]:
    """Measure an eager step idle and beside a busy process, with both settings of threads.

    After Ctrl-C it yields what was measured, and raises KeyboardInterrupt.
    """
    if reason := why_not(device):
        yield Finding([f"\nbeside a process that keeps a core busy: not measured, {reason}"])
        return
    measured = beside(outcome.contest.contestants[0], pairs)
    title = "\nAn eager step in fresh processes, idle and beside one that keeps a core busy"
    yield Finding(
        [title, table(measured), *say_ratios(measured)],
        {"beside": measured.as_json()},
    )
    if measured.interrupted:
        raise KeyboardInterrupt


def steps_of(recipe: Recipe, data_root: str | Path | None) -> tuple[int, int]:
    """Count the steps of an epoch, and the clouds of a step."""
    category = load_dataset(recipe.dataset, recipe.train_split, data_root).clouds.category
    steps, size = epoch_order(category, recipe, epoch=0).shape
    return steps, size


def build_step(recipe: Recipe, data_root: str | Path | None, device: torch.device) -> Call:
    """Make a call that makes one step, each time with the next batch."""
    return Stepper(recipe, data_root, device).step


class Stepper:
    """The steps of :func:`pcea.training.train`, one at a time and without saving anything.

    ``data`` is the training split, if it has been loaded already.
    """

    def __init__(
        self,
        recipe: Recipe,
        data_root: str | Path | None,
        device: torch.device,
        data: PointCloudDataset | None = None,
    ) -> None:
        self.recipe = recipe
        self.transforms = as_transforms(recipe.transforms)
        self.accelerator = Accelerator(mixed_precision="no", cpu=device.type == "cpu")
        self.device = self.accelerator.device
        data = data or load_dataset(recipe.dataset, recipe.train_split, data_root)
        self.clouds = data.clouds.to(self.device)
        self.order = epoch_order(data.clouds.category, recipe, epoch=0).to(self.device)
        torch.manual_seed(recipe.seed)
        model = build_model(recipe, data)
        method = create_method(recipe, model, len(data), data.clouds.all_labeled)
        self.state = TrainingState(method, recipe, self.accelerator)
        self.state.train()

    def step(self, within: Callable[[str], object] = lambda phase: None) -> Tensor:
        """Make a step and return its loss.

        ``within`` is called with the name of each phase that begins, and with "" at the end.
        """
        recipe, state = self.recipe, self.state
        within("data")
        index = self.order[state.step % len(self.order)]
        generator = seed_step(recipe.seed, state.step, 0, self.device)
        batch = training_batch(self.clouds, index, recipe.num_points, self.transforms, generator)
        loss = take_step(state, batch, index, within)
        within("")
        return loss


def shares_of(stepper: Stepper, clock: Clock, steps: int = 5) -> Shares:
    """Measure how the time of a step is divided, the mean over several steps.

    Args:
        stepper: makes the steps, after a first one that is not measured.
        clock: gives seconds, after waiting for the device.
        steps: how many steps are measured.
    """
    marks = list[tuple[str, float]]()
    for _ in range(steps):
        stepper.step(lambda phase: marks.append((phase, clock())))
    seconds = dict.fromkeys(PHASES, 0.0)
    for (phase, start), (_, end) in pairwise(marks):
        if phase:
            seconds[phase] += (end - start) / steps
    on_gpu = stepper.device.type == "cuda"
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * on_gpu
    with profile(activities=activities, acc_events=True, with_flops=True) as profiler:
        for _ in range(steps):
            stepper.step()
    return Shares(seconds, operators.kinds_of(profiler.key_averages(), steps, on_gpu))
