"""The training loop."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from pcea.datasets import Batch, Clouds, PointCloudDataset
from pcea.errors import InputError, checked
from pcea.evaluation import evaluate
from pcea.evaluation.metrics import METRICS, check_metrics
from pcea.models.base import uncompiled
from pcea.recipes import Recipe, get_recipe
from pcea.training.auto import choose
from pcea.training.batches import epoch_order, seed_step, training_batch
from pcea.training.callbacks import Callback, KeepWeights
from pcea.training.device import autocast, process_settings
from pcea.training.finetuning import freeze, initialize
from pcea.training.initialization import initialize_from_data
from pcea.training.interrupt import Interrupt
from pcea.training.methods import create_method
from pcea.training.progress import Progress
from pcea.training.report import Report
from pcea.training.run_folder import RunFolder
from pcea.training.schedule import learning_rate
from pcea.training.setup import (
    build_model,
    check_changes,
    check_model,
    load_splits,
    resolve,
)
from pcea.training.state import TrainingState, compiler_errors
from pcea.training.trackers import TRACKERS
from pcea.transforms import Transform, as_transforms

# Every so many steps the loss is checked, which waits for the device.
CHECK_EVERY = 50


@checked()
def train(
    recipe: Recipe | str | Path | None = None,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    resume: bool = False,
    *,
    model: str | nn.Module | None = None,
    dataset: Any = None,
    transforms: Sequence[Any] | None = None,
    callbacks: Iterable[Callback] = (),
) -> RunFolder:
    """Train a model by a recipe, and return its run folder.

    Each epoch ends with a validation on the split ``val``; the test split is never touched. Weights
    of the best validation epoch and of the last one are both kept. A recipe that trains on
    ``trainval`` holds nothing out: it is not validated, and both are those of the last epoch.

    Args:
        recipe: what to train, on what, and how: a recipe, its name or its file. A run that goes on
            has one.
        out: the run folder. Default: ``runs/RECIPE-DATE-TIME``.
        data_root: where data sets lie. Default: ``$PCEA_DATA``, else ``./data``.
        resume: whether to go on from the state in ``out``; on a CPU the result is that of a run
            never interrupted, bit for bit.
        model: another model than the recipe's: a name, a model of this package, or any module whose
            ``forward(pos, normal=None[, category])`` gives logits, which is trained in place. The
            recipe alone says whether the step is compiled.
        dataset: other data than the recipe's: a name, a folder, a PyG or torch data set, a list of
            ``Data`` or of pairs (points, label), or ``Clouds``; a fifth of an object is held out,
            unless ``{"train": …, "val": …}`` says what. See :mod:`pcea.datasets.objects`.
        transforms: other transforms than the recipe's. Default: those.
        callbacks: what happens at the start, after each step and each epoch, and at the end.

    Raises:
        InputError: the recipe, the data or the folder is wrong, or the loss is not finite.
        KeyboardInterrupt: Ctrl-C was pressed; the state is saved first.
    """
    if resume and out is not None:
        RunFolder(out).check_resumable()
        described = RunFolder(out).describe()
        recipe, data_root = recipe or described["recipe"], data_root or described["data_root"]
    if recipe is None or (resume and out is None):
        raise InputError("train needs a recipe, and to resume it needs out, the run's folder")
    recipe = recipe if isinstance(recipe, Recipe) else get_recipe(str(recipe))
    model = uncompiled(model)
    run = RunFolder(out or Path("runs", f"{recipe.name}-{time.strftime('%Y%m%d-%H%M%S')}"))
    recipe, objects = resolve(recipe, model, dataset, transforms)
    if resume:
        recipe = run.check(recipe, objects)
    # What does not depend on the data is checked before the data are read, which takes longer.
    makers = [TRACKERS.get(name) for name in recipe.tracker]
    for metric in recipe.metric:
        METRICS.get(metric)
    if "model" not in objects and not resume:
        check_model(recipe)
    # Accelerate fixes one precision per process; autocast applies each recipe's own.
    accelerator = Accelerator(mixed_precision="no")
    main, device, notes = accelerator.is_main_process, accelerator.device, list[str]()
    changes = as_transforms(transforms if "transforms" in objects else recipe.transforms)
    given = dataset if "dataset" in objects else None
    data, held_out = load_splits(recipe, data_root, accelerator.num_processes, given, notes)
    check_changes(data, changes)
    torch.manual_seed(recipe.seed)
    net = build_model(recipe, data, None if isinstance(model, str) else model)
    check_metrics(recipe.metric, net.task)
    if recipe.init is not None and not resume:
        notes += initialize(net, recipe.init)
    elif not resume and "model" not in objects:
        net.to(device)
        notes += initialize_from_data(net, data.clouds, recipe.num_points, recipe.seed, changes)
    recipe, chosen = choose(recipe, net, data.clouds, device, changes)
    frozen = freeze(net, recipe.freeze)
    method = create_method(recipe, net, len(data.clouds), data.clouds.all_labeled)
    state = TrainingState(
        *(method, recipe, accelerator, run),
        steps_per_epoch=len(epoch_order(data.clouds.category, recipe, epoch=0)),
        frozen=frozen,
        notes=notes + chosen,
        data=fingerprint(data, held_out),
    )
    trackers = [make() for make in makers]
    called = [Progress(), KeepWeights(), *trackers, *callbacks, Report(held_out)] if main else []
    if resume:
        state.load_state_dict(run.load_state())
        if main:
            run.truncate_metrics(state.epoch)
    elif main:
        run.create(recipe, data_root, state.state_dict(), objects, chosen)

    clouds = data.clouds.to(device)
    val = None if held_out is None else held_out.clouds.to(device)
    with (
        process_settings(recipe, device),
        Interrupt(accelerator) as interrupt,
        ExitStack() as ending,
        compiler_errors(),
    ):
        for callback in called:
            callback.on_start(state)
            ending.callback(callback.on_end, state)
        while state.epoch < recipe.epochs:
            began = time.perf_counter()
            order = epoch_order(data.clouds.category, recipe, state.epoch).to(device)
            run_epoch(state, clouds, order, changes, called, interrupt)
            state.check_finite()
            if state.step % state.steps_per_epoch == 0:
                state.metrics = {
                    "epoch": state.epoch,
                    "train_loss": state.loss_sum.item() / state.steps_per_epoch,
                    "lr": learning_rate(state.step - 1, state.steps_per_epoch, recipe),
                    **validate(state, val),
                    "seconds": round(time.perf_counter() - began, 3),
                }
                state.loss_sum.zero_()
                for callback in called:
                    callback.on_epoch(state)
            if main:
                run.save_state(state.state_dict())
            # A launcher ends all processes when one exits, so each waits until the state is saved.
            accelerator.wait_for_everyone()
            if interrupt.stops(state.step, now=True):
                raise KeyboardInterrupt(f"saved at step {state.step}: --resume {run.path} goes on")
        state.completed = True
    return run


def fingerprint(*splits: PointCloudDataset | None) -> str:
    """Hash the names, sizes and labels of all clouds, so that a run does not go on with others.

    Positions do not count: another machine may compute them with other rounding.
    """
    digest = hashlib.sha256()
    for split in filter(None, splits):
        clouds, taxonomy = split.clouds, split.taxonomy
        names = *clouds.names, *taxonomy.categories, *taxonomy.parts
        digest.update("\0".join(names).encode())
        for tensor in filter(torch.is_tensor, (clouds.category, clouds.ptr, clouds.part)):
            digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def run_epoch(
    state: TrainingState,
    clouds: Clouds,
    order: Tensor,
    transforms: Sequence[Transform],
    callbacks: Sequence[Callback] = (),
    interrupt: Interrupt | None = None,
) -> None:
    """Make the steps of ``order`` (steps, batch) that are not done, up to an interrupt.

    With clouds and order on the device, the host waits for it only every CHECK_EVERY steps.
    """
    recipe, accelerator = state.recipe, state.accelerator
    own = order.shape[1] // accelerator.num_processes  # clouds of each process
    rank = accelerator.process_index
    if state.step % len(order) == 0:
        state.method.before_epoch(state.step // len(order), clouds)
    state.train()
    for index in order[state.step % len(order) :, rank * own : (rank + 1) * own]:  # (own,)
        generator = seed_step(recipe.seed, state.step, rank, accelerator.device)
        batch = training_batch(clouds, index, recipe.num_points, transforms, generator)
        rate = learning_rate(state.step, len(order), recipe)
        for group in state.optimizer.param_groups:
            group["lr"] = rate * group["scaled"]
        take_step(state, batch, index)
        for callback in callbacks:
            callback.on_step(state)
        if interrupt is not None and interrupt.stops(state.step):
            return
        if state.step % CHECK_EVERY == 0:
            state.check_finite()


def take_step(
    state: TrainingState,
    batch: Batch,
    index: Tensor,
    within: Callable[[str], object] = lambda phase: None,
) -> Tensor:
    """Make the optimizer's steps of one batch, and return the loss that is reported, ().

    ``index`` (B,) are the clouds' places in the training split. ``within`` is called with the name
    of each phase that begins.
    """
    recipe, accelerator, losses = state.recipe, state.accelerator, list[Tensor]()
    for loss_of in state.method.losses:
        within("forward")
        with autocast(recipe, accelerator.device):
            output = state.forward(batch.pos, batch.normal, batch.category)
        losses.append(loss_of(output, batch, index))
        within("backward")
        accelerator.backward(losses[-1])
        within("optimizer")
        if recipe.clip > 0:
            accelerator.clip_grad_norm_(state.forward.parameters(), recipe.clip)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
    state.method.after_step()
    state.advance(losses[0])
    return losses[0].detach()


def validate(state: TrainingState, held_out: Clouds | None) -> dict[str, float]:
    """Measure the weights that are saved on what was held out, if anything was."""
    if held_out is None:
        return {}
    model, recipe = state.eval_model, state.recipe
    with autocast(recipe, model.device):
        result = evaluate(model, held_out, recipe.num_points, batch_size=recipe.batch_size)
    return {f"val_{key}": value for key, value in result.figures(recipe.metric).items()}
