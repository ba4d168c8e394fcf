"""Named experiments: everything that a training run depends on, as plain data.

Each file ``NAME.yaml`` of this folder is a recipe; it says what differs from the defaults of
:class:`Recipe`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from pcea.errors import InputError, nearest
from pcea.registry import read_call, write_call

_NOT_NEGATIVE = (
    "balance",
    "lr",
    "final_lr",
    "warmup_epochs",
    "weight_decay",
    "clip",
)
_SHARES = ("label_smoothing", "ema")
# Options of the command line that set one transform, in the order in which they are applied; the
# names of older run folders, too. The values with which each does nothing.
TRANSFORM_OPTIONS: Mapping[str, Any] = {
    "rotate": 0,
    "scale": (1, 1),
    "jitter": 0,
    "translate": 0,
    "drop_points": 0,
}


@dataclass(frozen=True)
class Recipe:
    """A training run, but for its data root and run folder.

    Lengths are in units of the unit sphere's radius, learning rates are for the whole batch.
    """

    name: str
    """What the recipe is called."""
    dataset: str
    """Data set: shapes, modelnet40, shapenetpart, or a folder in ShapeNetPart's layout."""
    model: str
    """Model, one of pcea.list_models()."""
    attention: str | None = None
    """Attention in the model, one of pcea.list_attentions(); None: the model's own."""
    attention_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the attention, such as slots."""
    residual: Literal["offset", "add", "none"] = "offset"
    """What surrounds each attention: x + LBR(x - out), x + LBR(out), or out alone."""
    normals: bool = False
    """Whether normals are a further input."""
    model_options: Mapping[str, Any] = field(default_factory=dict)
    """Further options of the model."""

    train_split: Literal["train", "trainval"] = "train"
    """What is trained on."""
    num_points: int = 1024
    """Points of each cloud that the model sees, drawn anew each epoch."""
    epochs: int = 250
    """Passes over the training split."""
    batch_size: int = 32
    """Clouds a step, over all devices."""
    balance: float = 0.0
    """How far rare categories are drawn as often as common ones: 0 not at all, 1 quite."""
    seed: int = 0
    """Seed of everything random."""

    optimizer: Literal["adamw", "sgd"] = "adamw"
    """Optimizer; SGD has momentum 0.9."""
    lr: float = 1e-3
    """Highest learning rate."""
    final_lr: float = 0.0
    """Learning rate at the end of the cosine."""
    warmup_epochs: float = 1.0
    """Epochs of linear warm-up."""
    weight_decay: float = 0.05
    """Weight decay, on weights of linear layers only."""
    label_smoothing: float = 0.2
    """Share of the target spread over all classes."""
    init: str | None = None
    """Weights to start from: a run folder, a .safetensors file, or the name of a model that ships;
    layers that name categories or parts begin anew where names differ. None: from nothing."""
    freeze: tuple[str, ...] = ()
    """Parts of the model that do not train, such as encoder."""
    head_lr: float | None = None
    """Highest learning rate of all but the encoder; None: that of the encoder."""
    clip: float = 1.0
    """Largest norm of the gradient; 0: unbounded."""
    ema: float = 0.0
    """Decay a step of the averaged weights that are validated and saved; 0: none."""

    transforms: Sequence[str] = ("scale(0.67, 1.5)", "translate(0.2)")
    """Random changes to each training batch in turn, of pcea.list_transforms()."""

    metric: tuple[str, ...] = ()
    """Further metrics that validation measures by, of pcea.evaluation.list_metrics()."""
    tracker: tuple[str, ...] = ("tensorboard",)
    """What follows the run, of pcea.training.trackers."""
    precision: Literal["auto", "float32", "bf16"] = "float32"
    """Arithmetic of the forward pass; auto: bf16 where the device multiplies it faster."""
    compile: bool = False
    """Whether torch.compile builds the step (needs a C++ compiler on a CPU)."""

    def __post_init__(self) -> None:
        # A run's recipe.yaml knows one kind of list: a recipe that comes back from it is equal.
        for name in ("attention_options", "model_options", "metric", "freeze", "tracker"):
            object.__setattr__(self, name, _as_tuples(getattr(self, name)))
        for name in ("attention_options", "model_options"):
            if not isinstance(getattr(self, name), Mapping):
                raise InputError(f"{name} is {getattr(self, name)!r}; it must name options")
        object.__setattr__(self, "transforms", _as_calls(self.transforms))
        bounds = {
            **dict.fromkeys(("num_points", "epochs", "batch_size"), (1, "at least 1")),
            **dict.fromkeys(_NOT_NEGATIVE + _SHARES, (0, "at least 0")),
        }
        for name, (least, words) in bounds.items():
            if not isinstance(getattr(self, name), (int, float)):
                raise InputError(f"{name} is {getattr(self, name)!r}; it must be a number")
            if not least <= getattr(self, name) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}; it must be {words}")
        if self.head_lr is not None and not (0 <= self.head_lr < math.inf and self.lr > 0):
            raise InputError(f"head_lr is {self.head_lr}; it must be at least 0, and lr above 0")
        for name in _SHARES:
            if getattr(self, name) >= 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be below 1")


def set_transform(transforms: Sequence[str], option: str, value: Any) -> tuple[str, ...]:
    """Give one transform of a list other values, or add it, or take it out.

    Args:
        transforms: the list, names with values.
        option: one of :data:`TRANSFORM_OPTIONS`, such as ``"drop_points"``.
        value: its value or values; those with which it does nothing take it out.

    Returns:
        The list; what was not in it comes before those that follow it in ``TRANSFORM_OPTIONS``.
    """
    order = [name.replace("_", "-") for name in TRANSFORM_OPTIONS]
    own = option.replace("_", "-")
    names = [read_call(each)[0] for each in transforms]
    later = order[order.index(own) :]
    place = next((i for i, name in enumerate(names) if name in later), len(names))
    if own in names:
        place = names.index(own)
    kept = [each for each, name in zip(transforms, names, strict=True) if name != own]
    given = tuple(value) if isinstance(value, (list, tuple)) else value
    changed = [] if given == TRANSFORM_OPTIONS[option] else [write_call(own, given)]
    return (*kept[:place], *changed, *kept[place:])


def _as_calls(transforms: Any) -> tuple[str, ...]:
    """Names with values, of which each may be a mapping of one name to its values."""
    if not isinstance(transforms, (list, tuple)):
        raise InputError(f"transforms is {transforms!r}; it must be a list of names with values")
    calls = list[str]()
    for each in transforms:
        if isinstance(each, Mapping):
            calls += [write_call(str(name), values) for name, values in each.items()]
        elif isinstance(each, str):
            calls.append(each)
        else:
            raise InputError(f"a recipe is plain data: {each!r} is no name with values")
    return tuple(calls)


def _as_tuples(value: Any) -> Any:
    """A value in which lists, however deep, are tuples."""
    if isinstance(value, Mapping):
        return {key: _as_tuples(item) for key, item in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, (list, tuple)) else value


def parse_recipe(values: Any) -> Recipe:
    """Make a recipe of plain values, as its file holds them.

    Raises:
        InputError: they are no mapping, a value is unknown or missing, or one is out of range.
    """
    known = [each.name for each in fields(Recipe)]
    if not isinstance(values, Mapping):
        raise InputError("a recipe is a mapping of names to values")
    values = dict(values)
    for name in TRANSFORM_OPTIONS:  # as recipes had them before they had a list of transforms
        if name in values:
            before = _as_calls(values.get("transforms", Recipe.transforms))
            values["transforms"] = set_transform(before, name, values.pop(name))
    for name in values:
        if name not in known:
            raise InputError(f"a recipe has no value {name!r}{nearest(str(name), known)}")
    for name in ("name", "dataset", "model"):
        if not isinstance(values.get(name), str):
            raise InputError(f"the recipe does not say its {name}")
    try:
        return Recipe(**values)
    except (TypeError, AttributeError) as error:  # such as a number where a mapping belongs
        raise InputError(str(error)) from error


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe's file; its name is the file's.

    Raises:
        InputError: the file cannot be read, or does not hold a recipe.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
        return parse_recipe({"name": path.stem, **values} if isinstance(values, dict) else values)
    except (OSError, UnicodeError, yaml.YAMLError, InputError) as error:
        raise InputError(f"cannot read recipe {path}: {' '.join(str(error).split())}") from error


RECIPES: Mapping[str, Recipe] = {
    file.stem: read_recipe(file)
    for file in sorted(Path(__file__).parent.glob("*.yaml"), key=lambda file: file.stem)
}


def get_recipe(name: str) -> Recipe:
    """Find a recipe.

    Args:
        name: one of :data:`RECIPES`, or the path of a recipe's file, which ends in ``.yaml``.

    Raises:
        InputError: no recipe has that name, or its file cannot be read.
    """
    if name.endswith((".yaml", ".yml")):
        return read_recipe(name)
    if name not in RECIPES:
        raise InputError(f"no recipe is called {name!r}{nearest(name, RECIPES)}")
    return RECIPES[name]
