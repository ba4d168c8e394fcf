"""Show the progress of training: a bar on a terminal, plain lines elsewhere."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from pcea.evaluation.metrics import format_figure
from pcea.threads import too_late
from pcea.training.callbacks import Callback
from pcea.training.state import TrainingState


class Progress(Callback):
    """Shows the steps of an epoch in a bar, and its figures when it ends."""

    def on_start(self, state: TrainingState) -> None:
        """Print the notes on the run, and start the bar."""
        self.console = Console(highlight=False)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        self.bar = Bar(
            *(*columns, TimeRemainingColumn()),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        early = too_late() if state.loss_sum.device.type == "cpu" else ""
        for note in filter(None, (*state.notes, early)):
            self.console.print(note, markup=False, soft_wrap=True)
        self.task = self.bar.add_task("", total=state.steps_per_epoch)
        self._begin_epoch(state)
        self.bar.start()

    def on_step(self, state: TrainingState) -> None:
        """Count the step."""
        self.bar.advance(self.task)

    def on_epoch(self, state: TrainingState) -> None:
        """Print the epoch's figures."""
        metrics = state.metrics
        figures = "  ".join(
            f"{key} {format_figure(key.removeprefix('val_'), value)}"
            for key, value in metrics.items()
            if key.startswith("val_")
        )
        self.console.print(
            f"epoch {metrics['epoch']:>3}/{state.recipe.epochs}  loss {metrics['train_loss']:.3f}  "
            f"{figures}  {metrics['seconds']:.0f} s",
            soft_wrap=True,
        )
        self._begin_epoch(state)

    def on_end(self, state: TrainingState) -> None:
        """Remove the bar."""
        if not self.bar.disable:  # before rich 14.3, a disabled bar would print an empty line
            self.bar.stop()

    def _begin_epoch(self, state: TrainingState) -> None:
        name = f"{state.recipe.name} {state.epoch + 1}/{state.recipe.epochs}"
        done = state.step % state.steps_per_epoch
        self.bar.reset(self.task, total=state.steps_per_epoch, completed=done, description=name)
