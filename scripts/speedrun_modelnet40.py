#!/usr/bin/env python3
"""Train a classifier on ModelNet40 from scratch several times; measure seconds and accuracy.

    scripts/speedrun_modelnet40.py --data-root data
    scripts/speedrun_modelnet40.py --data-root data --throughput --profile --json speedrun.json

It is made for one large GPU and runs wherever training does. It times the package's own training
loop, with data, sampling and transforms on the device and a compiled step that runs as one graph.
Only training steps are timed. The times of compilation and of validation are reported separately.
The test split is never read.
"""

import argparse
import json
import math
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity

from pcea import InputError
from pcea.datasets import Clouds, PointCloudDataset
from pcea.geometry import farthest_point_sample, gather, knn
from pcea.recipes import Recipe, get_recipe
from pcea.training.batches import epoch_order
from pcea.training.device import autocast, process_settings
from pcea.training.loop import run_epoch, validate
from pcea.training.methods import create_method
from pcea.training.setup import build_model, load_splits
from pcea.training.state import TrainingState, compile_options
from pcea.transforms import as_transforms

SPEEDRUN = replace(
    get_recipe("modelnet40-eat"),
    name="speedrun",
    epochs=60,
    batch_size=64,
    lr=2e-3,
    warmup_epochs=2.0,
    ema=0.998,
    transforms=("scale(0.75, 1.33)", "translate(0.15)"),
    precision="bf16",
    compile="yes",
)
# After so many steps, a graph has been compiled, recorded and run once.
WARM_UP = 8
PROFILED = 10
BATCHES = {"cuda": (128, 256, 512, 1024)}
# The purpose of a kernel by its name; the first pattern that matches counts.
KINDS = {
    "FPS + kNN": "farthest|nearest|neighbor|knn",
    "optimizer": "adam|sgd|lerp|multi_tensor|foreach|norm_(?!backward).*functor|lpnorm",
    "matrix products": "gemm|gemv|matmul|cutlass|cublas|nvjet|xmma|triton_tem|::(add|b|baddb)?mm$",
    "draws": "random|distribution|philox|sort|::rand",
    "copies": "memcpy|memset|::copy_",
}


@dataclass
class Track:
    """The data, the model and the device that all runs share."""

    recipe: Recipe
    data: PointCloudDataset
    clouds: Clouds
    held_out: Clouds
    accelerator: Accelerator
    state: TrainingState

    @classmethod
    def prepare(cls, recipe: Recipe, data_root: str | None, device: str) -> "Track":
        """Load the data to the device and build the model there."""
        accelerator = Accelerator(mixed_precision="no", cpu=device == "cpu")
        data, held_out = load_splits(recipe, data_root, processes=1)
        assert held_out is not None
        torch.manual_seed(recipe.seed)
        model = build_model(recipe, data)
        if model.task != "classification":
            raise InputError(f"{recipe.model!r} is not a classifier: name one with --model")
        state = TrainingState(create_method(recipe, model, len(data)), recipe, accelerator)
        place = accelerator.device
        clouds = data.clouds.to(place), held_out.clouds.to(place)
        return cls(recipe, data, *clouds, accelerator, state)

    @property
    def device(self) -> torch.device:
        """The device of the data and of the model."""
        return self.accelerator.device

    def now(self) -> float:
        """Wait for the device, and give the seconds."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def begin(self, seed: int) -> None:
        """Start again with new weights, written into the old tensors, which the graphs refer to."""
        torch.manual_seed(seed)
        weights = build_model(self.recipe, self.data).state_dict()
        groups = self.state.optimizer.state_dict()["param_groups"]
        self.state.load_state_dict(
            {
                "model": weights,
                "average": weights,
                "optimizer": {"state": {}, "param_groups": groups},
                "step": 0,
                "loss_sum": 0.0,
                "best": -math.inf,
            }
        )

    def epoch(self, seed: int, epoch: int, steps: int | None = None) -> float:
        """Train for an epoch, or only for its first steps, and return the seconds."""
        self.state.loss_sum.zero_()
        began = self.now()
        recipe = self.state.recipe = replace(self.recipe, seed=seed)
        order = epoch_order(self.data.clouds.category, recipe, epoch)[:steps].to(self.device)
        run_epoch(self.state, self.clouds, order, as_transforms(recipe.transforms))
        self.state.check_finite()
        return self.now() - began


def warm_up(track: Track) -> dict[str, Any]:
    """Compile and record the graphs of the runs."""
    began = track.now()
    track.epoch(seed=0, epoch=0, steps=WARM_UP)
    validate(track.state, track.held_out)
    seconds = track.now() - began
    say(f"compiled and warmed up in {seconds:.1f} s")
    return {"seconds": seconds}


def race(track: Track, seeds: list[int], target: float) -> dict[str, Any]:
    """Make the runs, one after the other."""
    runs = [run_once(track, seed, target) for seed in seeds]
    last = [run["accuracy"] for run in runs]
    reached = [run["seconds_to_target"] for run in runs if run["seconds_to_target"] is not None]
    seconds = [run["seconds"] for run in runs]
    says = f"{len(runs)} runs → {mean_std(last, 100, 2)} % → {mean_std(seconds, 1, 1)} s"
    say(says)
    if reached:
        say(
            f"{100 * target:.1f} % was reached by {len(reached)} of {len(runs)} runs, "
            f"after {mean_std(reached, 1, 1)} s"
        )
    else:
        say(f"{100 * target:.1f} % was reached by none")
    return {"target": target, "mean_accuracy": statistics.mean(last), "runs": runs}


def run_once(track: Track, seed: int, target: float) -> dict[str, Any]:
    """Train from new weights to the end of the schedule, with validation after each epoch."""
    track.begin(seed)
    seconds, accuracies, validation = list[float](), list[float](), 0.0
    for epoch in range(track.recipe.epochs):
        seconds.append(track.epoch(seed, epoch))
        began = track.now()
        figures = validate(track.state, track.held_out)
        accuracies.append(figures["val_overall_accuracy"])
        validation += track.now() - began
    first = next((i for i, accuracy in enumerate(accuracies) if accuracy >= target), None)
    run = {
        "seed": seed,
        "accuracy": accuracies[-1],
        "best_accuracy": max(accuracies),
        "seconds": sum(seconds),
        "epoch_seconds": statistics.median(seconds),
        "epochs_to_target": None if first is None else first + 1,
        "seconds_to_target": None if first is None else sum(seconds[: first + 1]),
        "validation_seconds": validation,
        "train_loss": track.state.loss_sum.item() / (track.state.step // track.recipe.epochs),
        "accuracies": accuracies,
    }
    say(
        f"seed {seed}: {100 * run['accuracy']:.2f} % (best {100 * run['best_accuracy']:.2f} %) "
        f"in {run['seconds']:.1f} s, {run['epoch_seconds']:.3f} s an epoch; "
        f"validation {validation:.1f} s"
    )
    return run


def throughput(track: Track) -> dict[str, Any]:
    """Measure clouds per second in inference, and seconds per training epoch."""
    model, recipe = track.state.eval_model.eval(), track.recipe
    rates = {}
    for size in BATCHES.get(track.device.type, (recipe.batch_size,)):
        batch = track.clouds.batch([i % len(track.clouds) for i in range(size)], recipe.num_points)
        # Compiled for each size, because one graph for all sizes would be slower.
        forward = model
        if recipe.compile == "yes":
            forward = torch.compile(model, dynamic=False, **compile_options(track.device))

        def infer(forward: Callable[..., Any] = forward, batch: Any = batch) -> None:
            with torch.no_grad(), autocast(recipe, track.device):
                forward(batch.pos, batch.normal)

        rates[size] = size / repeat(track, infer)
        say(f"inference, {size} clouds of {recipe.num_points} points: {rates[size]:,.0f} clouds/s")
    epochs = [track.epoch(seed=0, epoch=epoch) for epoch in range(2)]
    clouds = len(track.clouds)
    say(f"a training epoch of {clouds} clouds: {min(epochs):.3f} s, {clouds / min(epochs):,.0f}/s")
    return {"clouds_per_second": rates, "epoch_seconds": min(epochs), "training_clouds": clouds}


def profile(track: Track) -> dict[str, Any]:
    """Measure the time of a training step by kind of kernel, and that of FPS and kNN alone."""
    cuda = track.device.type == "cuda"
    track.epoch(seed=0, epoch=0, steps=PROFILED)
    step = track.epoch(seed=0, epoch=1, steps=PROFILED) / PROFILED
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with torch.profiler.profile(activities=activities, acc_events=True) as recorded:
        track.epoch(seed=0, epoch=2, steps=PROFILED)
    spent: dict[str, float] = {}
    for event in recorded.key_averages():
        here = event.device_type == (DeviceType.CUDA if cuda else DeviceType.CPU)
        # A named range contains kernels that are counted already.
        if here and not getattr(event, "is_user_annotation", False) and "##" not in event.key:
            micros = event.self_device_time_total if cuda else event.self_cpu_time_total
            spent[event.key] = spent.get(event.key, 0.0) + micros / 1e6 / PROFILED
    busy = max(sum(spent.values()), 1e-9)
    kinds: dict[str, float] = {}
    for name, seconds in spent.items():
        kinds[kind_of(name)] = kinds.get(kind_of(name), 0.0) + seconds
    geometry = repeat(track, lambda: sample_and_group(track))
    say(f"a training step of {track.recipe.batch_size}: {1e3 * step:.2f} ms, busy {1e3 * busy:.2f}")
    for name, seconds in sorted(kinds.items(), key=lambda item: -item[1]):
        say(f"    {100 * seconds / busy:5.1f} %  {1e3 * seconds:8.3f} ms  {name}")
    largest = sorted(spent.items(), key=lambda item: -item[1])[:12]
    say("  the largest:")
    for name, seconds in largest:
        say(f"    {100 * seconds / busy:5.1f} %  {1e3 * seconds:8.3f} ms  {name[:90]}")
    say(f"  FPS + kNN by themselves: {1e3 * geometry:.3f} ms, {100 * geometry / step:.1f} % of it")
    return {
        "step_seconds": step,
        "busy_seconds": busy,
        "kinds": kinds,
        "largest": dict(largest),
        "geometry_seconds": geometry,
    }


def kind_of(name: str) -> str:
    """Tell the purpose of a kernel or operation by its name."""
    for kind, pattern in KINDS.items():
        if re.search(pattern, name, re.IGNORECASE):
            return kind
    return "elementwise and reductions"


def sample_and_group(track: Track) -> None:
    """Run the sampling and the neighbor search of each stage of the model on one batch."""
    size = track.recipe.batch_size
    index = torch.arange(min(size, len(track.clouds)), device=track.device)
    pos = track.clouds.batch(index, track.recipe.num_points).pos
    for stage in track.state.model.encoder.embedding.stages:
        center = pos
        if stage.num is not None and stage.num < pos.shape[1]:
            center = gather(pos, farthest_point_sample(pos, stage.num))
        knn(center, pos, min(stage.k, pos.shape[1]))
        pos = center


def repeat(track: Track, work: Callable[[], None], least: float = 0.5) -> float:
    """Measure the seconds of a call: the median of several rounds, after a warm-up."""
    for _ in range(3):
        work()
    began = track.now()
    work()
    once = max(track.now() - began, 1e-6)
    count = max(1, min(50, int(least / 5 / once)))
    rounds = []
    for _ in range(5):
        began = track.now()
        for _ in range(count):
            work()
        rounds.append((track.now() - began) / count)
    return statistics.median(rounds)


def mean_std(values: list[float], factor: float, digits: int) -> str:
    """Write the mean ± standard deviation."""
    mean = f"{factor * statistics.mean(values):.{digits}f}"
    return f"{mean} ± {factor * statistics.stdev(values):.{digits}f}" if values[1:] else mean


def machine(device: torch.device) -> dict[str, str]:
    """Describe the machine."""
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor()
    threads = str(torch.get_num_threads())
    return {"device": name or device.type, "torch": torch.__version__, "threads": threads}


def say(text: str) -> None:
    """Print a line and flush it."""
    print(text, flush=True)


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """Give the recipe with the options of the command line."""
    recipe = get_recipe(options.recipe) if options.recipe else SPEEDRUN
    names = "dataset model epochs batch_size num_points lr precision compile".split()
    given = {name: getattr(options, name) for name in names}
    return replace(recipe, **{name: v for name, v in given.items() if v is not None})


def command_line() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", type=float, default=0.92, help="validation overall accuracy")
    parser.add_argument("--runs", type=int, default=5, help="0: only the other measurements")
    parser.add_argument("--seeds", type=int, nargs="+", help="one per run; default: 0, 1, …")
    parser.add_argument("--throughput", action="store_true", help="clouds/s, seconds per epoch")
    parser.add_argument("--profile", action="store_true", help="kernels of a training step")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    parser.add_argument(
        "--device", choices=["cuda", "cpu"], help="default: cuda where there is one"
    )
    parser.add_argument("--data-root")
    parser.add_argument("--recipe", help="default: the one in this file")
    for name, kind in {"dataset": str, "model": str, "precision": str, "lr": float}.items():
        parser.add_argument(f"--{name}", type=kind, help="default: the recipe's")
    for name in ("epochs", "batch-size", "num-points"):
        parser.add_argument(f"--{name}", type=int, help="default: the recipe's")
    parser.add_argument("--compile", choices=("yes", "no"))
    return parser


def main(words: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    options = command_line().parse_args(words)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        recipe = chosen_recipe(options)
        track = Track.prepare(recipe, options.data_root, device)
        about = machine(track.device)
        say(f"{recipe.model} on {recipe.dataset}, {recipe.epochs} epochs; {about}")
        report: dict[str, Any] = {"machine": about, "recipe": asdict(recipe)}
        seeds = options.seeds or list(range(options.runs))
        parts: dict[str, Callable[[], Any]] = {"warm_up": lambda: warm_up(track)}
        if options.throughput:
            parts["throughput"] = lambda: throughput(track)
        if options.profile:
            parts["profile"] = lambda: profile(track)
        if seeds:
            parts["race"] = lambda: race(track, seeds, options.target)
        with process_settings(recipe, track.device):
            for name, part in parts.items():
                report[name] = part()
                if options.json:
                    # Written after each part, so that an interrupted run keeps its results.
                    options.json.write_text(json.dumps(report, indent=2) + "\n")
    except InputError as error:
        sys.exit(f"speedrun: {error}")


if __name__ == "__main__":
    main()
