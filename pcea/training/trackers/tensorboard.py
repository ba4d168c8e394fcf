"""TensorBoard."""

from pcea.training.callbacks import Callback
from pcea.training.state import TrainingState
from pcea.training.trackers import register_tracker


@register_tracker("tensorboard")
class TensorBoard(Callback):
    """Writes each epoch's figures to ``tensorboard/`` in the run folder."""

    def on_start(self, state: TrainingState) -> None:
        """Open the file of events."""
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(state.run.path / "tensorboard"))

    def on_epoch(self, state: TrainingState) -> None:
        """Write the figures."""
        for name, value in state.metrics.items():
            if name != "epoch":
                self.writer.add_scalar(name, value, state.epoch)

    def on_end(self, state: TrainingState) -> None:
        """Close the file."""
        self.writer.close()
