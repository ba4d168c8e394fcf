"""What ``auto`` in a recipe stands for, on this machine and in this run."""

import os
import shutil
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from accelerate.utils import broadcast_object_list

from pcea.datasets import Clouds
from pcea.geometry.kernels import has_triton
from pcea.models import Classifier, PointModel, WrappedModel
from pcea.recipes import Recipe
from pcea.training.batches import epoch_order, seed_step, training_batch
from pcea.training.device import autocast, in_bf16, process_settings
from pcea.training.methods import create_method
from pcea.training.methods.base import method_of
from pcea.transforms import Transform

# Compiling takes up to a minute and a half on two cores, and saves between nothing and a fifth of a
# step; see docs/performance.md. So a run of an hour can lose little and gain much.
SAVED_SHARE, COMPILE_SECONDS = 0.025, 90.0
# A run with fewer steps is not even timed.
FEWEST_STEPS = 300


def choose(
    recipe: Recipe,
    model: PointModel | WrappedModel,
    clouds: Clouds,
    device: torch.device,
    transforms: Sequence[Transform],
) -> tuple[Recipe, list[str]]:
    """Replace each ``auto`` of a recipe by what is faster; also say in a line each what and why.

    The transforms are those of the run, which may be functions that the recipe cannot hold.

    The choice must not change within a run, so it is saved with the recipe.
    """
    notes = []
    if recipe.method == "auto":
        recipe = replace(recipe, method=method_of(model))
        if recipe.method != "plain":
            why = "that of the attention; plain trains without it"
            notes.append(f"method: {recipe.method} (auto: {why})")
    if recipe.precision == "auto":
        half = in_bf16(recipe, device)
        recipe = replace(recipe, precision="bf16" if half else "float32")
        than = "bf16 faster than float32" if half else "float32 at least as fast as bf16"
        notes.append(f"precision: {recipe.precision} (auto: this device multiplies {than})")
    if recipe.compile == "auto":
        against = _against_compiling(recipe, model, clouds, device, transforms)
        recipe = replace(recipe, compile="no" if against else "yes")
        why = against or "the run is long enough to repay it"
        notes.append(f"compile: {recipe.compile} (auto: {why})")
    # Of several processes, all do what the main one measured.
    chosen: tuple[Recipe, list[str]] = tuple(broadcast_object_list([recipe, notes]))
    return chosen


def _against_compiling(
    recipe: Recipe,
    model: PointModel | WrappedModel,
    clouds: Clouds,
    device: torch.device,
    transforms: Sequence[Transform],
) -> str:
    """Why the step is not to be compiled, or an empty text."""
    if isinstance(model, WrappedModel):
        return "only the models of this package are known to compile"
    if device.type not in ("cpu", "cuda"):
        return f"not tried on {device.type}"
    if device.type == "cuda" and not has_triton():
        return "there is no Triton"
    if any(each.varies for each in transforms):
        # A CUDA graph has one N. On a CPU, a step that is compiled for any N is slower.
        return "N differs from batch to batch"
    compilers = os.environ.get("CXX", "g++"), "clang++"
    if device.type == "cpu" and not any(map(shutil.which, compilers)):
        return "there is no C++ compiler"
    if device.type == "cpu" and recipe.precision == "bf16" and not isinstance(model, Classifier):
        return "on a CPU, only classifiers are known to gain by it in bf16"
    steps = recipe.epochs * len(epoch_order(clouds.category, recipe, epoch=0))
    if steps < FEWEST_STEPS:
        return f"the run has {steps} steps, too few to repay it"
    seconds = steps * _seconds_of_step(recipe, model, clouds, device, transforms)
    if seconds * SAVED_SHARE < COMPILE_SECONDS:
        return f"the run takes about {max(1, round(seconds / 60))} min, too few to repay it"
    return ""


def _seconds_of_step(
    recipe: Recipe,
    model: PointModel | WrappedModel,
    clouds: Clouds,
    device: torch.device,
    transforms: Sequence[Transform],
) -> float:
    """Time of all forward and backward passes of a copy of the model; the better of two."""
    method = create_method(recipe, deepcopy(model), len(clouds), clouds.all_labeled)
    method.to(device).train()
    clouds = clouds.to(device)
    index = epoch_order(clouds.category, recipe, epoch=0)[0]
    best = float("inf")
    with process_settings(recipe, device):
        for step in range(3):  # the first one warms up
            began = time.perf_counter()
            generator = seed_step(recipe.seed, step, 0, device)
            batch = training_batch(clouds, index, recipe.num_points, transforms, generator)
            for loss_of in method.losses:
                with autocast(recipe, device):
                    output = method(batch.pos, batch.normal, batch.category)
                loss = loss_of(output, batch, index.to(device))
                loss.backward()
                loss.item()  # waits for the device
            if step:
                best = min(best, time.perf_counter() - began)
    return best
