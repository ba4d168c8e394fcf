"""The training loop."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pcea.datasets import Batch, PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.evaluation import evaluate
from pcea.models import PointModel, create_model, save_model
from pcea.recipes import Recipe
from pcea.training.batches import epoch_order, seed_step, training_batch
from pcea.training.interrupt import Interrupt
from pcea.training.progress import Progress
from pcea.training.report import write_report
from pcea.training.run_folder import RunFolder
from pcea.training.schedule import build_optimizer, learning_rate

# How often the loss is looked at: each look waits for the device.
CHECK_EVERY = 50


def train(
    recipe: Recipe, out: str | Path, data_root: str | Path | None = None, resume: bool = False
) -> RunFolder:
    """Train a model by a recipe.

    Each epoch ends with a validation on the split ``val``, and the test split is never touched.
    Weights of the best validation epoch and of the last one are both kept.

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
    # Accelerate takes one precision a process for good; autocast below takes each recipe's own.
    accelerator = Accelerator(mixed_precision="no", log_with="tensorboard", project_dir=run.path)
    autocast = partial(
        torch.autocast, accelerator.device.type, torch.bfloat16, recipe.precision == "bf16"
    )
    data = load_dataset(recipe.dataset, recipe.train_split, data_root)
    held_out = load_dataset(recipe.dataset, "val", data_root)
    for split in (data, held_out):
        if not len(split):
            raise InputError(f"data set {recipe.dataset!r} has no cloud in split {split.split!r}")
    own = min(recipe.batch_size, len(data)) // accelerator.num_processes
    if own < 2:
        raise InputError(
            f"a step needs at least two clouds a device, for BatchNorm, and has {own}: "
            "raise --batch-size, or give more training clouds"
        )
    torch.manual_seed(recipe.seed)
    model = build_model(recipe, data)
    optimizer = build_optimizer(model, recipe)
    average = None
    if recipe.ema > 0:
        decay = get_ema_multi_avg_fn(recipe.ema)
        average = AveragedModel(model, multi_avg_fn=decay, use_buffers=True)
        average.to(accelerator.device)

    model, optimizer = accelerator.prepare(model, optimizer)
    plain: PointModel = accelerator.unwrap_model(model)
    step_model = torch.compile(model) if recipe.compile else model
    judged = plain if average is None else cast(PointModel, average.module)

    train_clouds = data.clouds.to(accelerator.device)
    val_clouds = held_out.clouds.to(accelerator.device)
    mine = slice(accelerator.process_index * own, (accelerator.process_index + 1) * own)
    steps = len(epoch_order(len(train_clouds), recipe.batch_size, recipe.seed, 0))

    done, loss_sum, best = 0, torch.zeros((), device=accelerator.device), -math.inf
    if resume:
        state = run.load_state()
        try:
            plain.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            if average is not None:
                average.load_state_dict(state["average"])
            done, best = state["done"], state["best"]
            loss_sum += state["loss_sum"]
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{run.state} does not fit the recipe {recipe.name!r}") from error
        run.truncate_metrics(done // steps)

    def save_state() -> None:
        if not accelerator.is_main_process:
            return
        run.save_state(
            {
                "model": plain.state_dict(),
                "optimizer": optimizer.state_dict(),
                "average": None if average is None else average.state_dict(),
                "done": done,
                "best": best,
                "loss_sum": loss_sum.item(),
            }
        )

    def check_finite() -> None:
        # A step may break the weights with no loss to tell of it: they must not be saved.
        weights = torch.nn.utils.get_total_norm(list(plain.parameters()))
        for what, value in (("loss is", loss_sum), ("weights are", weights)):
            if not math.isfinite(value.item()):
                raise InputError(
                    f"the {what} not finite at step {done}, epoch {(done - 1) // steps + 1}: "
                    f"lower --lr or use --precision float32; {run.path} keeps the state before, "
                    "see --resume"
                )

    if not resume:
        if accelerator.is_main_process:
            run.create(recipe, None if data_root is None else str(Path(data_root).resolve()))
        save_state()
    accelerator.init_trackers("tensorboard")
    model.train()
    with Interrupt() as interrupt, Progress(recipe, steps, accelerator.is_main_process) as progress:
        while done < recipe.epochs * steps:
            epoch = done // steps
            order = epoch_order(len(train_clouds), recipe.batch_size, recipe.seed, epoch)
            started, first = time.perf_counter(), done % steps
            progress.epoch(epoch, first)
            for index in order[first:]:
                generator = seed_step(recipe.seed, done)
                batch = training_batch(train_clouds, index[mine], recipe, generator)
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(done, steps, recipe)
                with autocast():
                    logits = step_model(batch.pos, batch.normal, batch.category)
                loss = batch_loss(logits.float(), batch, recipe)
                accelerator.backward(loss)
                if recipe.clip > 0:
                    accelerator.clip_grad_norm_(model.parameters(), recipe.clip)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                if average is not None:
                    average.update_parameters(plain)
                loss_sum += loss.detach()
                done += 1
                progress.step()
                if done % CHECK_EVERY == 0:
                    check_finite()
                if interrupt.asked and done % steps:
                    check_finite()
                    save_state()
                    raise KeyboardInterrupt(f"saved at step {done}: --resume {run.path} goes on")
            check_finite()

            seconds = time.perf_counter() - started
            with autocast():
                result = evaluate(judged, val_clouds, recipe.num_points, batch_size=own)
            figures = {key: v for key, v in result.summary().items() if isinstance(v, float)}
            row: dict[str, Any] = {
                "epoch": epoch + 1,
                "train_loss": loss_sum.item() / steps,
                "lr": learning_rate(done - 1, steps, recipe),
                **{f"val_{key}": value for key, value in figures.items()},
                "seconds": round(seconds, 3),
            }
            loss_sum.zero_()
            if accelerator.is_main_process:
                progress.report(row)
                judged.info = replace(judged.info, training=_training(recipe, row))
                save_model(judged, run.last)
                if result.score > best:
                    best = result.score
                    save_model(judged, run.best)
                run.append_metrics(row)
            accelerator.log({key: v for key, v in row.items() if key != "epoch"}, step=epoch + 1)
            save_state()
            if interrupt.asked:
                raise KeyboardInterrupt(f"saved at step {done}: --resume {run.path} goes on")
    accelerator.end_training()
    if accelerator.is_main_process:
        write_report(run, held_out, recipe)
    return run


def build_model(recipe: Recipe, data: PointCloudDataset) -> PointModel:
    """Make the recipe's model for a data set, freshly initialised.

    Raises:
        InputError: the recipe names an unknown model or option, or the data lack what it needs.
    """
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


def batch_loss(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """Cross-entropy with label smoothing, over clouds or over points.

    Args:
        logits: (B, categories), or (B, N, parts).
        batch: holds the targets.
        recipe: gives the smoothing.

    Returns:
        () the mean loss.
    """
    target = batch.category
    if logits.dim() == 3:
        assert batch.part is not None
        logits, target = logits.flatten(0, 1), batch.part.flatten()
    return F.cross_entropy(logits, target, label_smoothing=recipe.label_smoothing)


def _training(recipe: Recipe, row: dict[str, Any]) -> dict[str, Any]:
    return {"recipe": recipe.name, "seed": recipe.seed, "epochs": recipe.epochs, "validation": row}
