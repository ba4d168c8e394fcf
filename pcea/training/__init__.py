"""Training: the loop, its schedule, its run folder and its report."""

from pcea.training.loop import build_model, train
from pcea.training.run_folder import RunFolder

__all__ = ["RunFolder", "build_model", "train"]
