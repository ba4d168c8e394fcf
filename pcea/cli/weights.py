"""The model and the device that a command uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pcea.errors import InputError
from pcea.version import __version__

if TYPE_CHECKING:
    import torch

    from pcea.datasets.dataset import Task
    from pcea.models import PointModel

    M = TypeVar("M", bound=PointModel)


def open_model(
    kind: type[M], weights: str | None, device: str | None = None, keep_strays: bool = False
) -> M:
    """Load the model that the options name; without ``weights``, the default of the task.

    ``kind`` is ``Classifier``, ``Segmenter``, or ``PointModel`` for either. A model for the other
    task is an InputError.
    """
    from pcea.models import load_model

    task: Task = getattr(kind, "task", "segmentation")
    model = load_model(_chosen(weights, task), pick_device(device))
    if not isinstance(model, kind):
        other = "segment" if model.task == "segmentation" else "classify"
        raise InputError(
            f"{weights} holds {model.info.name!r}, a model for {model.task}, not {task}: "
            f"use it with pcea {other}"
        )
    if keep_strays:
        model.clean = False
    return model


def origin(model: PointModel, weights: str | None) -> dict[str, str]:
    """Describe the model in the JSON file of a command."""
    return {
        "task": model.task,
        "weights": _chosen(weights, model.task),
        "model": model.info.name,
        "version": __version__,
    }


def pick_device(name: str | None) -> torch.device:
    """Find the device of a name, None for the GPU if there is one, and refuse one that fails."""
    import torch

    gpu = torch.cuda.is_available()
    name = name or ("cuda" if gpu else "cpu")
    try:
        found = torch.zeros(1, device=name)
        found.tolist()  # fails on the meta device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        known = "cpu or cuda" if gpu else "cpu; torch finds no GPU here"
        raise InputError(f"--device {name} cannot be used: give {known}") from error
    return found.device


def _chosen(weights: str | None, task: Task) -> str:
    from pcea.models import list_pretrained

    return list_pretrained(task)[0] if weights is None else weights
