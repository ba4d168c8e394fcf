"""The state of a run: weights, optimizer, averaged weights, and the number of steps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from pcea.errors import InputError
from pcea.models import PointModel, WrappedModel
from pcea.recipes import Recipe
from pcea.training.methods import TrainingMethod
from pcea.training.run_folder import RunFolder
from pcea.training.schedule import build_optimizer


class TrainingState:
    """Everything that changes in a run; callbacks get it.

    ``method`` holds the model, ``frozen`` are modules of it that do not train, ``notes`` lines that
    are printed before the first step, and ``data`` is a fingerprint of the data.

    Attributes:
        recipe: how the model is trained.
        run: the run's folder.
        method: the training method.
        model: the model, as in its weights files.
        forward: the method as a step calls it: on its device, distributed, compiled.
        eval_model: the model that is validated and saved: a copy with averaged weights if the
            recipe asks for them, or else ``model``.
        step: the number of steps done.
        loss: () loss of the last step, on the device.
        loss_sum: () sum of the losses in this epoch, on the device.
        metrics: the figures of the last epoch, as in ``metrics.jsonl``.
        best: the best validation figure so far.
        completed: whether all steps are done.
    """

    run: RunFolder

    def __init__(
        self,
        method: TrainingMethod,
        recipe: Recipe,
        accelerator: Accelerator,
        run: RunFolder | None = None,
        steps_per_epoch: int = 1,
        frozen: Sequence[nn.Module] = (),
        notes: Sequence[str] = (),
        data: str = "",
    ) -> None:
        self.recipe, self.accelerator, self.data = recipe, accelerator, data
        if run is not None:
            self.run = run
        self.steps_per_epoch, self.frozen, self.notes = steps_per_epoch, frozen, notes
        average = None
        if accelerator.num_processes > 1 and not method.several_processes:
            raise InputError(
                f"training method {recipe.method!r} works in one process only: start pcea train "
                "without a launcher"
            )
        if recipe.ema > 0:
            average = deepcopy(method.model).to(accelerator.device).requires_grad_(False)
        optimizer = build_optimizer(method, recipe, method.model)
        forward, self.optimizer = accelerator.prepare(method, optimizer)
        self.method: TrainingMethod = accelerator.unwrap_model(forward)
        self.model: PointModel | WrappedModel = self.method.model
        self.eval_model = self.model if average is None else average
        self.forward: Any = forward
        if recipe.compile == "yes":
            self.forward = torch.compile(forward, **compile_options(accelerator.device))
        self.step = 0
        self.loss = self.loss_sum = torch.zeros((), device=accelerator.device)
        self.metrics: dict[str, Any] = {}
        self.best = -math.inf
        self.completed = False

    @property
    def epoch(self) -> int:
        """The number of completed epochs."""
        return self.step // self.steps_per_epoch

    def train(self) -> None:
        """Put the model into training mode, except for frozen modules."""
        self.forward.train()
        for module in self.frozen:
            module.eval()

    @torch.no_grad()
    def advance(self, loss: Tensor) -> None:
        """Count a step and its loss, without waiting for the device."""
        if self.eval_model is not self.model:
            # At first, a slow average would keep mostly the initial weights. So the first step sets
            # the average, and the decay grows with the number of steps.
            decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step)) if self.step else 0.0
            pairs = list(zip(_tensors(self.eval_model), _tensors(self.model), strict=True))
            mean = [pair for pair in pairs if pair[0].is_floating_point()]
            torch._foreach_lerp_([kept for kept, _ in mean], [new for _, new in mean], 1 - decay)
            for kept, new in pairs:
                if not kept.is_floating_point():
                    kept.copy_(new)
        self.loss = loss.detach()
        self.loss_sum = self.loss_sum + self.loss
        self.step += 1

    def check_finite(self) -> None:
        """Raise an InputError if the loss or the weights are not finite; waits for the device."""
        # A step with a finite loss may still break the weights, which must not be saved.
        weights = nn.utils.get_total_norm(list(self.method.parameters()))
        for what, value in (("loss is", self.loss_sum), ("weights are", weights)):
            if not math.isfinite(value.item()):
                raise InputError(
                    f"the {what} not finite at step {self.step}: lower --lr or use "
                    "--precision float32; --resume goes on from the last finite state"
                )

    def state_dict(self) -> dict[str, Any]:
        """Give the whole state as tensors and plain values."""
        averaged = self.eval_model is not self.model
        return {
            "model": self.model.state_dict(),
            "method": self.method.own_state(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.eval_model.state_dict() if averaged else None,
            "step": self.step,
            "loss_sum": self.loss_sum.item(),
            "best": self.best,
            "data": self.data,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of :meth:`state_dict`; refuse that of another recipe or other data."""
        if state.get("data", self.data) != self.data:
            raise InputError(
                "the training or validation data are not those of the run: give the "
                "same clouds in the same order, with the same labels"
            )
        try:
            self.model.load_state_dict(state["model"])
            self.method.load_own_state(state.get("method", {}))
            self.optimizer.load_state_dict(state["optimizer"])
            if self.eval_model is not self.model:
                self.eval_model.load_state_dict(state["average"])
            self.step, self.best = state["step"], state["best"]
            self.loss_sum = torch.full_like(self.loss_sum, state["loss_sum"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("the saved state does not fit the run's recipe") from error


def compile_options(device: torch.device) -> dict[str, Any]:
    """Give the options of torch.compile: on CUDA, graphs, which the host starts in one call."""
    return {"mode": "reduce-overhead"} if device.type == "cuda" else {}


@contextmanager
def compiler_errors() -> Iterator[None]:
    """Turn an error of torch's compiler, such as a C++ compiler that fails, into an InputError."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("torch._dynamo.", "torch._inductor.")):
            raise
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise InputError(
            f"torch could not compile the training step ({reason}): train with --compile no"
        ) from error


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
