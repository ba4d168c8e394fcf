"""What a run has come to: weights, optimizer, averaged weights, and how far it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pcea.errors import InputError
from pcea.models import PointModel
from pcea.recipes import Recipe
from pcea.training.schedule import build_optimizer


class TrainingState:
    """All that changes in a run, and nothing else.

    Args:
        model: a fresh model.
        recipe: how it is trained.
        accelerator: where.

    Attributes:
        model: the model, as its weights files hold it.
        step: the same, as a step calls it: on its device, distributed, compiled.
        optimizer: what moves the weights.
        average: the averaged weights, where the recipe has them.
        done: steps done so far.
        loss_sum: () losses of this epoch's steps, summed on the device.
        best: the best validation figure so far.
    """

    def __init__(self, model: PointModel, recipe: Recipe, accelerator: Accelerator) -> None:
        self.average: AveragedModel | None = None
        if recipe.ema > 0:
            average = partial(_average, decay=recipe.ema)
            self.average = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
            self.average.to(accelerator.device)
        step, self.optimizer = accelerator.prepare(model, build_optimizer(model, recipe))
        self.model: PointModel = accelerator.unwrap_model(step)
        self.step: Any = torch.compile(step) if recipe.compile else step
        self.done = 0
        self.loss_sum = torch.zeros((), device=accelerator.device)
        self.best = -math.inf

    @property
    def judged(self) -> PointModel:
        """The weights that are validated and saved: the averaged ones where there are any."""
        return self.model if self.average is None else cast(PointModel, self.average.module)

    def moved(self, loss: Tensor) -> None:
        """Take note that a step was made, of this loss."""
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.loss_sum += loss.detach()
        self.done += 1

    def check_finite(self) -> None:
        """Refuse to go on where the loss or the weights are not finite; waits for the device.

        Raises:
            InputError: they are not.
        """
        # A step may break the weights with no loss to tell of it: they must not be saved.
        weights = nn.utils.get_total_norm(list(self.model.parameters()))
        for what, value in (("loss is", self.loss_sum), ("weights are", weights)):
            if not math.isfinite(value.item()):
                raise InputError(
                    f"the {what} not finite at step {self.done}: lower --lr or use "
                    "--precision float32; --resume goes on from the last state that was"
                )

    def state_dict(self) -> dict[str, Any]:
        """Everything, as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "done": self.done,
            "loss_sum": self.loss_sum.item(),
            "best": self.best,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave.

        Raises:
            InputError: it belongs to another recipe.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            self.done, self.best = state["done"], state["best"]
            self.loss_sum.fill_(state["loss_sum"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("the saved state does not fit the run's recipe") from error


def _average(averaged: Any, current: Any, count: Any, decay: float) -> None:
    # Early on a long memory would hold mostly the weights that training began with.
    warm = min(decay, (1 + int(count)) / (10 + int(count)))
    get_ema_multi_avg_fn(warm)(averaged, current, count)
