"""Training: the loop, its schedule, its run folder and its report."""

from pcea.training.callbacks import Callback
from pcea.training.initialization import initialize_from_data
from pcea.training.loop import train
from pcea.training.methods import TrainingMethod, list_methods, register_method
from pcea.training.run_folder import RunFolder
from pcea.training.setup import build_model
from pcea.training.trackers import register_tracker

__all__ = [
    "Callback",
    "RunFolder",
    "TrainingMethod",
    "build_model",
    "initialize_from_data",
    "list_methods",
    "register_method",
    "register_tracker",
    "train",
]
