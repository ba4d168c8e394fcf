"""Callbacks: code that training calls at four moments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pcea.models import save_model

if TYPE_CHECKING:
    from pcea.training.state import TrainingState


class Callback:
    """The base class, whose methods do nothing; only the main one of several processes calls them.

    Each method gets the state of the run: ``model``, ``epoch`` (the number of completed epochs),
    ``step``, ``loss`` (of the last step, on the device), ``metrics`` (the figures of the last
    epoch), ``recipe`` and ``run``, the run folder; see :class:`pcea.training.state.TrainingState`.
    """

    def on_start(self, state: TrainingState) -> None:
        """Training begins, or is resumed."""

    def on_step(self, state: TrainingState) -> None:
        """A step is done. Reading the value of ``state.loss`` waits for the device."""

    def on_epoch(self, state: TrainingState) -> None:
        """An epoch has ended and was validated. The state is saved after this."""

    def on_end(self, state: TrainingState) -> None:
        """Training ends; ``state.completed`` says whether all steps were done."""


class KeepWeights(Callback):
    """Saves the weights of the best and of the last epoch, and appends to ``metrics.jsonl``."""

    def on_epoch(self, state: TrainingState) -> None:
        """Save the weights as the last ones, and also as the best if the epoch is the best."""
        recipe, model, metrics = state.recipe, state.eval_model, state.metrics
        about = {"recipe": recipe.name, "seed": recipe.seed, "epochs": recipe.epochs}
        if recipe.train_split != "train":
            about["train_split"] = recipe.train_split
        if recipe.init is not None:
            about["init"] = recipe.init
        model.info = replace(model.info, training={**about, "validation": metrics})
        save_model(model, state.run.last)
        figures = [value for key, value in metrics.items() if key.startswith("val_")]
        score = figures[0] if figures else state.epoch
        if score > state.best:
            state.best = score
            save_model(model, state.run.best)
        state.run.append_metrics(metrics)
