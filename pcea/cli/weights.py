"""The model that a command uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pcea.errors import InputError
from pcea.version import __version__

if TYPE_CHECKING:
    from pcea.models import PointModel

    M = TypeVar("M", bound=PointModel)


def open_model(
    weights: str | None,
    device: str | None,
    task: str = "segmentation",
    keep_strays: bool = False,
) -> PointModel:
    """Load the model that options name; without ``weights`` the best that ships for the task."""
    import torch

    from pcea.models import load_model

    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"--device {device} cannot be used: {reason}") from error
    model = load_model(_chosen(weights, task), device)
    if keep_strays:
        model.clean = False
    return model


def origin(model: PointModel, weights: str | None) -> dict[str, str]:
    """Say which model made a command's results, for its JSON file."""
    return {
        "task": model.task,
        "weights": _chosen(weights, model.task),
        "model": model.info.name,
        "version": __version__,
    }


def open_as(kind: type[M], weights: str | None, device: str | None, keep_strays: bool = False) -> M:
    """Load a model of one kind; one for the other task is refused with an InputError."""
    model = open_model(weights, device, kind.task, keep_strays)
    if not isinstance(model, kind):
        other = "segment" if model.task == "segmentation" else "classify"
        raise InputError(
            f"{weights} holds {model.info.name!r}, a model for {model.task}, not "
            f"{kind.task}: use it with pcea {other}"
        )
    return model


def at_least_one(**options: int | None) -> None:
    """Refuse options that are less than 1 with an InputError."""
    for name, value in options.items():
        if value is not None and value < 1:
            raise InputError(f"--{name.replace('_', '-')} is {value}; it must be at least 1")


def _chosen(weights: str | None, task: str) -> str:
    from pcea.models import list_pretrained

    return list_pretrained(task)[0] if weights is None else weights
