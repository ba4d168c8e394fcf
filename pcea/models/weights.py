"""Weights files: safetensors, with the model's description inside. Nothing is unpickled."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import overload

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from pcea.datasets.dataset import Task
from pcea.errors import InputError, checked, nearest
from pcea.formats.write import replacing
from pcea.models.base import PointModel, uncompiled
from pcea.models.familiarity import Familiarity
from pcea.models.info import KEY, ModelInfo
from pcea.models.registry import build_model, task_of
from pcea.models.wrapped import WrappedModel

_KINDS = "a run folder, a .safetensors file or the name of a model that ships"
FILE_NAME = "model.safetensors"
# For each task, the model that commands use if no weights are given: the one for people's files.
DEFAULTS = "modelnet40-eat-robust", "everyday-eat-tiny"
# The folder of the models that ship, one weights file per model. README.md is their model card.
PRETRAINED = Path(__file__).with_name("pretrained")
# The model that guesses which axis of a shape is up. It does not classify shapes, so that it is not
# in `list_pretrained`, but it loads by name.
GUIDE = "upright-eat-tiny"
GUIDE_FILE = PRETRAINED / "guide" / f"{GUIDE}.safetensors"


@cache
def _pretrained() -> Mapping[str, ModelInfo]:
    """Map the models that ship to their descriptions: defaults, then by validation figures."""

    def figure(info: ModelInfo) -> float:
        figures = info.training.get("validation", {})
        return max((value for key, value in figures.items() if key.startswith("val_")), default=0.0)

    infos = {path.stem: read_weights(path)[0] for path in PRETRAINED.glob("*.safetensors")}
    return dict(
        sorted(infos.items(), key=lambda each: (each[0] not in DEFAULTS, -figure(each[1]), each[0]))
    )


@checked()
def list_pretrained(task: Task | None = None) -> list[str]:
    """List the models that ship, or those for one task.

    The first one of a task is the one that commands use if no weights are given. The others follow
    with the best validation figures first.
    """
    infos = _pretrained().items()
    return [name for name, info in infos if task is None or task_of(info.name) == task]


def ships(model: PointModel) -> bool:
    """Say whether a model has the description of one that ships with the package."""
    return model.info in _pretrained().values()


@checked()
def save_model(model: PointModel | WrappedModel, path: str | Path) -> None:
    """Write a model's weights and description to a ``.safetensors`` file.

    An interrupted call leaves no partial file. A wrapped module is saved under its own names.
    """
    own = uncompiled(model)
    if isinstance(own, WrappedModel) and ":" not in own.info.name:
        raise InputError("a translated model is made to be measured: save the model itself")
    own = uncompiled(own.module) if isinstance(own, WrappedModel) else own
    # Tied parameters share storage, which the format refuses: each name gets its own copy.
    tensors = {name: t.detach().cpu().clone() for name, t in own.state_dict().items()}
    with replacing(path) as file:
        file.write(save(tensors, metadata={KEY: model.info.to_json()}))


@overload
def load_model(weights: str | Path, device: str | torch.device = "cpu") -> PointModel: ...


@overload
def load_model(
    weights: str | Path, device: str | torch.device = "cpu", *, model: nn.Module
) -> WrappedModel: ...


@checked()
def load_model(
    weights: str | Path, device: str | torch.device = "cpu", *, model: nn.Module | None = None
) -> PointModel | WrappedModel:
    """Build a model from its weights, in evaluation mode.

    Args:
        weights: a run folder, a ``.safetensors`` file, or the name of a model that ships with the
            package, one of :func:`pcea.list_pretrained` or ``upright-eat-tiny``; a file of that
            name comes first.
        device: where to put it.
        model: the module to load the weights into, if a module of your own was trained; it is
            returned in a :class:`pcea.models.WrappedModel`. Default: build the described model.

    Raises:
        InputError: the file is missing, broken, of another model, or needs the module.
    """
    info, tensors, path = read_weights(weights, device)
    found: PointModel | WrappedModel
    own: nn.Module
    if ":" not in info.name:
        if model is not None:
            raise InputError(f"{path} holds the model {info.name!r}: leave model=… out")
        found = own = build_model(info)
        if "familiarity.mean" in tensors:
            width = found.last_layer.in_features
            found.familiarity = Familiarity(len(info.taxonomy.categories), width)
    elif model is not None:  # the name is the class of a module that is not registered
        found, own = WrappedModel(model, info), uncompiled(model)
    else:
        raise InputError(
            f"{path} holds weights of a module that was given as an object, {info.name}: "
            "load it with pcea.load_model(path, model=…)"
        )
    try:
        own.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"weights {path} do not fit model {info.name!r}: {reason}") from error
    return found.to(device).eval()


def read_weights(
    weights: str | Path, device: str | torch.device = "cpu"
) -> tuple[ModelInfo, dict[str, Tensor], Path]:
    """Read a model's description, its tensors by name, and the path of their file."""
    path = Path(weights)
    if not path.exists() and str(weights) in list_pretrained():
        path = PRETRAINED / f"{weights}.safetensors"
    elif not path.exists() and str(weights) == GUIDE:
        path = GUIDE_FILE
    if path.is_dir():
        path = path / FILE_NAME
    if not path.is_file():
        known = nearest(str(weights), [*list_pretrained(), GUIDE])
        raise InputError(f"no weights at {path}: give {_KINDS}{known}")
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            described = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged, or no .safetensors file"
        raise InputError(f"cannot read weights {path}: {reason}; give {_KINDS}") from error
    if described is None:
        raise InputError(f"{path} holds tensors, but no pcea model: it has no {KEY!r} metadata")
    return ModelInfo.from_json(described), tensors, path
