"""How far training is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from pcea.evaluation.metrics import format_figure
from pcea.recipes import Recipe


class Progress(AbstractContextManager["Progress"]):
    """Shows an epoch's steps as they pass and its figures when it ends.

    Args:
        recipe: whose run it is.
        steps: steps of an epoch.
        shown: false keeps silent, on all but one of several processes.
    """

    def __init__(self, recipe: Recipe, steps: int, shown: bool = True) -> None:
        self.recipe, self.steps = recipe, steps
        self.console = Console(quiet=not shown)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not (shown and self.console.is_terminal),
        )
        self.task = self.bar.add_task(recipe.name, total=steps)

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.bar.disable:  # before rich 14.3, one that was never shown ends in an empty line
            self.bar.stop()

    def note(self, line: str) -> None:
        """Print a line that a person should know, if it is not empty."""
        if line:
            self.console.print(line, highlight=False, soft_wrap=True, markup=False)

    def epoch(self, epoch: int, first: int) -> None:
        """Begin an epoch (counted from 0) of which ``first`` steps are done."""
        name = f"{self.recipe.name} {epoch + 1}/{self.recipe.epochs}"
        self.bar.reset(self.task, total=self.steps, completed=first, description=name)

    def step(self) -> None:
        """Count one step."""
        self.bar.advance(self.task)

    def report(self, row: Mapping[str, Any]) -> None:
        """Print the figures of an epoch that ended."""
        figures = "  ".join(
            f"{key} {format_figure(key.removeprefix('val_'), value)}"
            for key, value in row.items()
            if key.startswith("val_")
        )
        self.console.print(
            f"epoch {row['epoch']:>3}/{self.recipe.epochs}  loss {row['train_loss']:.3f}  "
            f"{figures}  {row['seconds']:.0f} s",
            highlight=False,
            soft_wrap=True,
        )
