"""What a run has come to: weights, optimizer, averaged weights, and how far it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

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
        self.average: PointModel | None = None
        if recipe.ema > 0:
            self.average = deepcopy(model).to(accelerator.device).requires_grad_(False)
        self.decay = recipe.ema
        step, self.optimizer = accelerator.prepare(model, build_optimizer(model, recipe))
        self.model: PointModel = accelerator.unwrap_model(step)
        self.step: Any = step
        if recipe.compile:
            self.step = torch.compile(step, **compile_options(accelerator.device))
        self.done = 0
        self.loss_sum = torch.zeros((), device=accelerator.device)
        self.best = -math.inf

    @property
    def judged(self) -> PointModel:
        """The weights that are validated and saved: the averaged ones where there are any."""
        return self.model if self.average is None else self.average

    def moved(self, loss: Tensor) -> None:
        """Take note that a step was made, of this loss; waits for nothing."""
        if self.average is not None:
            self._follow(self.average)
        self.loss_sum += loss.detach()
        self.done += 1

    @torch.no_grad()
    def _follow(self, average: PointModel) -> None:
        # Early on a long memory would hold mostly the weights that training began with, so the
        # first step sets the average. The host knows how many there were; asking the device would
        # wait for it.
        decay = min(self.decay, (1 + self.done) / (10 + self.done)) if self.done else 0.0
        pairs = list(zip(_tensors(average), _tensors(self.model), strict=True))
        mean = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([kept for kept, _ in mean], [new for _, new in mean], 1 - decay)
        for kept, new in pairs:
            if not kept.is_floating_point():
                kept.copy_(new)

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


def compile_options(device: torch.device) -> dict[str, Any]:
    """How torch.compile builds a step: on CUDA as graphs, which take the host one call to start."""
    return {"mode": "reduce-overhead"} if device.type == "cuda" else {}


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
