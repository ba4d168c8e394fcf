"""Training methods: their interface, and the plain one against a loop written out."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import Tensor, nn

from pcea.datasets import Batch, Clouds
from pcea.errors import InputError
from pcea.models import load_model
from pcea.recipes import Recipe
from pcea.training import (
    Callback,
    TrainingMethod,
    build_model,
    list_methods,
    register_method,
    setup,
    train,
)
from pcea.training.batches import seed_step, training_batch
from pcea.training.loop import run_epoch
from pcea.training.methods import create_method
from pcea.training.methods.base import METHODS
from pcea.training.state import TrainingState
from pcea.transforms import as_transforms

STEPS = 3


class Tempered(TrainingMethod):
    """A method with all that a method may have: a parameter, a buffer, two losses, work."""

    def __init__(self, model: Any, recipe: Recipe, num_clouds: int, pull: float = 0.1) -> None:
        super().__init__(model, recipe, num_clouds)
        self.pull, self.called = pull, list[int]()
        self.scale = nn.Parameter(torch.ones(()))
        self.weight: Tensor
        self.register_buffer("weight", torch.ones(num_clouds))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    @property
    def losses(self) -> Any:
        return self.loss, self.towards_one

    def loss(self, output: Any, batch: Batch, index: Tensor) -> Tensor:
        each = F.cross_entropy(self.scale * output.float(), batch.category, reduction="none")
        return (self.weight[index] * each).mean()

    def towards_one(self, output: Any, batch: Batch, index: Tensor) -> Tensor:
        return self.pull * (self.scale * output.float()).logsumexp(1).square().mean()

    def before_epoch(self, epoch: int, clouds: Clouds) -> None:
        self.called.append(epoch)
        self.weight.copy_(torch.rand(len(clouds), generator=self.generator(epoch)))

    def after_step(self) -> None:
        self.steps += 1


@pytest.fixture
def tempered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))
    register_method("tempered")(Tempered)


class Watch(Callback):
    """Keeps the state, and asks for an interruption after a step, counted from 1."""

    def __init__(self, stop: int = 0) -> None:
        self.stop = stop

    def on_step(self, state: TrainingState) -> None:
        self.state = state
        if state.step == self.stop:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_method_has_parameters_losses_work_and_a_state_of_its_own(
    tempered: None, classification: Recipe, tmp_path: Path
) -> None:
    recipe = replace(classification, epochs=2, transforms=(), tracker=())
    recipe = replace(recipe, method="tempered", method_options={"pull": 0.5})
    watch = Watch()
    run = train(recipe, tmp_path / "run", callbacks=[watch])
    method = watch.state.method
    assert isinstance(method, Tempered)
    assert (method.pull, method.called, method.steps.item()) == (0.5, [0, 1], 2 * STEPS)
    whole = run.load_state()
    assert whole["method"].keys() == {"scale", "weight", "steps"}
    assert whole["method"]["scale"].item() != 1.0
    assert load_file(run.last).keys() == whole["model"].keys()
    assert load_model(run.last).info.name == "eat-tiny"

    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        train(recipe, cut, callbacks=[Watch(stop=STEPS + 1)])
    watch = Watch()
    again = train(out=cut, resume=True, callbacks=[watch]).load_state()
    assert watch.state.method.called == []  # the second epoch had begun before
    for part in ("model", "method", "average"):
        for name, tensor in whole[part].items():
            assert torch.equal(again[part][name], tensor), name


def test_the_plain_method_is_the_plain_loop(recipe: Recipe) -> None:
    """The loop makes the steps of a loop that is written out, bit for bit."""
    recipe = replace(recipe, method="auto", ema=0.0, warmup_epochs=0.0, final_lr=0.01, lr=0.01)
    recipe = replace(recipe, precision="float32")
    data, accelerator = setup.load_dataset(recipe.dataset, "train"), Accelerator(cpu=True)
    order, transforms = torch.arange(24).view(STEPS, 8), as_transforms(recipe.transforms)
    torch.manual_seed(0)
    model = build_model(recipe, data)
    method = create_method(recipe, model, len(data))
    assert type(method) is TrainingMethod and not method.own_state()
    state = TrainingState(method, recipe, accelerator)
    run_epoch(state, data.clouds, order, transforms)

    torch.manual_seed(0)
    other = build_model(recipe, data)
    matrices, vectors = ([p for p in other.parameters() if (p.dim() > 1) == m] for m in (1, 0))
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.01, fused=True)
    for step, index in enumerate(order):
        batch = training_batch(
            data.clouds, index, recipe.num_points, transforms, seed_step(recipe.seed, step)
        )
        logits = other(batch.pos, batch.normal, batch.category)
        target: Tensor = batch.soft_category(logits.shape[1])
        if batch.part is not None:
            logits, target = logits.flatten(0, 1), batch.part.flatten()
        loss = F.cross_entropy(logits, target, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(other.parameters(), 1.0)
        optimizer.step()
    assert torch.equal(state.loss, loss.detach())
    for found, expected in zip(
        model.state_dict().values(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(found, expected)


def test_names_and_options_are_checked(classification: Recipe) -> None:
    assert {"caam", "plain"} <= set(list_methods())
    for values, message in (
        ({"method": "cam"}, "no training method is called 'cam' .did you mean 'caam'"),
        ({"method_options": {"partitions": 2}}, "'plain' has no option 'partitions'"),
    ):
        with pytest.raises(InputError, match=message):
            setup.check_model(replace(classification, **values))


def test_one_process_where_a_method_needs_one(
    classification: Recipe, tempered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tempered, "several_processes", False)
    data = setup.load_dataset(classification.dataset, "train")
    recipe = replace(classification, method="tempered")
    method = create_method(recipe, build_model(recipe, data), len(data))
    accelerator: Any = SimpleNamespace(num_processes=2)
    with pytest.raises(InputError, match="'tempered' works in one process only"):
        TrainingState(method, recipe, accelerator)
