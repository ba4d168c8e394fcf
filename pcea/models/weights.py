"""Weights files: safetensors, with the model's description inside. Nothing is unpickled."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pcea.errors import InputError, nearest
from pcea.formats.write import replacing
from pcea.models.base import PointModel
from pcea.models.info import ModelInfo
from pcea.models.pretrained import list_pretrained, pretrained_path
from pcea.models.registry import create_model

FILE_NAME = "model.safetensors"
KEY = "pcea"


def save_model(model: PointModel, path: str | Path) -> None:
    """Write a model's weights and description to a ``.safetensors`` file, whole or not at all.

    Args:
        model: the model to save.
        path: the file, replaced where it exists.

    Raises:
        InputError: it cannot be written.
    """
    # Tied parameters share storage, which the format refuses: each name gets its own copy.
    tensors = {name: t.detach().cpu().clone() for name, t in model.state_dict().items()}
    with replacing(path) as file:
        file.write(save(tensors, metadata={KEY: model.info.to_json()}))


def load_model(weights: str | Path, device: str | torch.device = "cpu") -> PointModel:
    """Build a model from its weights, ready to use.

    Args:
        weights: a run folder, a ``.safetensors`` file, or the name of a model that ships with the
            package, one of :func:`pcea.list_pretrained`; a file of that name comes first.
        device: where to put it. Default: the CPU.

    Returns:
        The model, in evaluation mode.

    Raises:
        InputError: the file is missing, broken, or not one of this package's models.
    """
    path = Path(weights)
    if not path.exists() and str(weights) in list_pretrained():
        path = pretrained_path(str(weights))
    if path.is_dir():
        path = path / FILE_NAME
    if not path.is_file():
        raise InputError(
            f"no weights at {path}: give a run folder, a .safetensors file or the name of a model "
            f"that ships{nearest(str(weights), list_pretrained())}"
        )
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            described = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"cannot read weights {path}: {error}") from error
    if described is None:
        raise InputError(f"{path} holds tensors, but no pcea model: it has no {KEY!r} metadata")
    info = ModelInfo.from_json(described)
    model = create_model(
        info.name,
        info.taxonomy,
        dataset=info.dataset,
        num_points=info.num_points,
        training=info.training,
        **info.options,
    )
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"weights {path} do not fit model {info.name!r}: {reason}") from error
    return model.to(device).eval()


def ships(model: PointModel) -> bool:
    """Say whether a model is one of those that ship with the package.

    Args:
        model: any; one that was trained says so in its description.
    """
    return any(model.info == info for info in _shipped())


@cache
def _shipped() -> tuple[ModelInfo, ...]:
    found = []
    for name in list_pretrained():
        with safe_open(pretrained_path(name), framework="pt") as file:
            found.append(ModelInfo.from_json(file.metadata()[KEY]))
    return tuple(found)
