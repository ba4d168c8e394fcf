"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor

from pcea.datasets import Batch, Clouds, PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.evaluation import evaluate
from pcea.evaluation.metrics import check_metrics
from pcea.models import PointModel, create_model, save_model
from pcea.recipes import Recipe
from pcea.threads import too_late
from pcea.training.batches import epoch_order, seed_step, training_batch
from pcea.training.interrupt import Interrupt
from pcea.training.precision import autocast
from pcea.training.process import process_settings
from pcea.training.progress import Progress
from pcea.training.report import write_report
from pcea.training.run_folder import RunFolder
from pcea.training.schedule import learning_rate
from pcea.training.state import TrainingState
from pcea.transforms import Transform, as_transforms

# How often the loss is looked at: each look waits for the device.
CHECK_EVERY = 50


def train(
    recipe: Recipe, out: str | Path, data_root: str | Path | None = None, resume: bool = False
) -> RunFolder:
    """Train a model by a recipe.

    Each epoch ends with a validation on the split ``val``, and the test split is never touched.
    Weights of the best validation epoch and of the last one are both kept. A recipe that trains
    on ``trainval`` holds nothing out: it is not validated, and both are those of the last epoch.

    Args:
        recipe: what to train, on what, and how.
        out: the run folder.
        data_root: where data sets lie. Default: ``$PCEA_DATA``, else ``./data``.
        resume: whether to go on from the state in ``out``; on a CPU the result is that of a run
            never interrupted, bit for bit.

    Returns:
        The run folder.

    Raises:
        InputError: the recipe, the data or the folder is wrong, or the loss is not finite.
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved first.
    """
    run = RunFolder(out)
    # Accelerate takes one precision a process for good; autocast takes each recipe's own.
    accelerator = Accelerator(mixed_precision="no", log_with="tensorboard", project_dir=run.path)
    main = accelerator.is_main_process
    transforms = as_transforms(recipe.transforms)
    data, held_out = load_splits(recipe, data_root, accelerator.num_processes)
    clouds = data.clouds.to(accelerator.device)
    judged = None if held_out is None else held_out.clouds.to(accelerator.device)
    steps = len(epoch_order(data.clouds.category, recipe, epoch=0))
    torch.manual_seed(recipe.seed)
    model = build_model(recipe, data)
    check_metrics(recipe.metric, model.task)
    state = TrainingState(model, recipe, accelerator)
    if resume:
        state.load_state_dict(run.load_state())
        if main:
            run.truncate_metrics(state.done // steps)
    elif main:
        run.create(recipe, data_root, state.state_dict())
    accelerator.init_trackers("tensorboard")

    with (
        process_settings(recipe, accelerator.device),
        Interrupt(accelerator) as interrupt,
        Progress(recipe, steps, main) as progress,
    ):
        if accelerator.device.type == "cpu":
            progress.note(too_late())
        while state.done < recipe.epochs * steps:
            started = time.perf_counter()
            order = epoch_order(data.clouds.category, recipe, state.done // steps)
            order = order.to(accelerator.device)
            run_epoch(state, clouds, order, recipe, transforms, accelerator, progress, interrupt)
            state.check_finite()
            if state.done % steps == 0:
                row = {
                    "epoch": state.done // steps,
                    "train_loss": state.loss_sum.item() / steps,
                    "lr": learning_rate(state.done - 1, steps, recipe),
                    "seconds": round(time.perf_counter() - started, 3),
                }
                state.loss_sum.zero_()
                row |= validate(state, judged, recipe)
                if main:
                    progress.report(row)
                    keep_weights(state, run, recipe, row)
                accelerator.log({k: v for k, v in row.items() if k != "epoch"}, row["epoch"])
            if main:
                run.save_state(state.state_dict())
            # A launcher ends all processes when one is gone: nobody leaves before it is saved.
            accelerator.wait_for_everyone()
            if interrupt.stops(state.done, now=True):
                raise KeyboardInterrupt(f"saved at step {state.done}: --resume {run.path} goes on")
    accelerator.end_training()
    if main:
        write_report(run, held_out, recipe)
    return run


def load_splits(
    recipe: Recipe, data_root: str | Path | None, processes: int
) -> tuple[PointCloudDataset, PointCloudDataset | None]:
    """Load what is trained on, and what is held out of it.

    Raises:
        InputError: a split is missing or empty, lacks normals that the recipe needs, or a step
            has too few clouds for BatchNorm.
    """
    data = load_dataset(recipe.dataset, recipe.train_split, data_root)
    held_out = None
    if recipe.train_split == "train":
        held_out = load_dataset(recipe.dataset, "val", data_root)
    for split in (data, held_out):
        if split is not None and not len(split):
            raise InputError(f"data set {recipe.dataset!r} has no cloud in split {split.split!r}")
        if split is not None:
            check_normals(recipe, split)
    own = min(recipe.batch_size, len(data)) // processes
    if own < 2:
        raise InputError(
            f"a step needs at least two clouds a device, for BatchNorm, and has {own}: "
            "raise --batch-size, or give more training clouds"
        )
    return data, held_out


def run_epoch(
    state: TrainingState,
    clouds: Clouds,
    order: Tensor,
    recipe: Recipe,
    transforms: Sequence[Transform],
    accelerator: Accelerator,
    progress: Progress,
    interrupt: Interrupt,
) -> None:
    """Make the steps of ``order`` (steps, batch) that are not done, up to an interrupt.

    With clouds and order on the device, the host waits for it only every CHECK_EVERY steps.
    """
    steps, own = len(order), order.shape[1] // accelerator.num_processes
    rank = accelerator.process_index
    progress.epoch(state.done // steps, state.done % steps)
    state.step.train()
    for index in order[state.done % steps :, rank * own : (rank + 1) * own]:
        generator = seed_step(recipe.seed, state.done, rank, accelerator.device)
        batch = training_batch(clouds, index, recipe.num_points, transforms, generator)
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(state.done, steps, recipe)
        with autocast(recipe, accelerator.device):
            logits = state.step(batch.pos, batch.normal, batch.category)
        loss = batch_loss(logits.float(), batch, recipe)
        accelerator.backward(loss)
        if recipe.clip > 0:
            accelerator.clip_grad_norm_(state.step.parameters(), recipe.clip)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        state.moved(loss)
        progress.step()
        if interrupt.stops(state.done):
            return
        if state.done % CHECK_EVERY == 0:
            state.check_finite()


def validate(state: TrainingState, held_out: Clouds | None, recipe: Recipe) -> dict[str, float]:
    """Measure the judged weights on what was held out, if anything was: ``{"val_…": share}``."""
    if held_out is None:
        return {}
    model = state.judged
    with autocast(recipe, model.device):
        result = evaluate(model, held_out, recipe.num_points, batch_size=recipe.batch_size)
    return {f"val_{key}": value for key, value in result.figures(recipe.metric).items()}


def keep_weights(state: TrainingState, run: RunFolder, recipe: Recipe, row: dict[str, Any]) -> None:
    """Save the judged weights as the last ones, and as the best where no epoch was better."""
    model = state.judged
    told = {"recipe": recipe.name, "seed": recipe.seed, "epochs": recipe.epochs, "validation": row}
    model.info = replace(model.info, training=told)
    save_model(model, run.last)
    figures = [value for key, value in row.items() if key.startswith("val_")]
    score = figures[0] if figures else row["epoch"]
    if score > state.best:
        state.best = score
        save_model(model, run.best)
    run.append_metrics(row)


def build_model(recipe: Recipe, data: PointCloudDataset) -> PointModel:
    """Make the recipe's model for a data set, freshly initialised.

    Raises:
        InputError: the recipe names an unknown model or option, or the data lack what it needs:
            part labels, or normals.
    """
    check_normals(recipe, data)
    options: dict[str, Any] = dict(recipe.model_options)
    if recipe.attention is not None:
        options["attention"] = recipe.attention
    if recipe.attention_options:
        options["attention_options"] = dict(recipe.attention_options)
    model = create_model(
        recipe.model,
        data.taxonomy,
        dataset=recipe.dataset,
        num_points=recipe.num_points,
        residual=recipe.residual,
        normals=recipe.normals,
        **options,
    )
    if model.task == "segmentation" and data.clouds.part is None:
        raise InputError(f"data set {recipe.dataset!r} has no part labels for {recipe.model!r}")
    return model


def check_normals(recipe: Recipe, data: PointCloudDataset) -> None:
    """Refuse to train on normals where no point of a split has one; some may be unknown.

    Raises:
        InputError: the recipe needs normals, and there are none.
    """
    normal = data.clouds.normal
    if recipe.normals and (normal is None or not bool(normal.any())):
        raise InputError(
            f"data set {recipe.dataset!r} has no normals in split {data.split!r}, and recipe "
            f"{recipe.name!r} needs them: give --no-normals, or a data set with normals"
        )


def batch_loss(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """Cross-entropy with label smoothing, over clouds or over points.

    Args:
        logits: (B, categories), or (B, N, parts).
        batch: holds the targets.
        recipe: gives the smoothing.

    Returns:
        () the mean loss.
    """
    target = batch.soft_category(logits.shape[1])
    if logits.dim() == 3:
        assert batch.part is not None
        logits, target = logits.flatten(0, 1), batch.part.flatten()
    return F.cross_entropy(logits, target, label_smoothing=recipe.label_smoothing)
