"""Named experiments: everything that a training run depends on, as plain data.

Each file ``NAME.yaml`` of this folder is a recipe; it says what differs from the defaults of
:class:`Recipe`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_type_hints

import yaml

from pcea.errors import InputError, checked, nearest, require
from pcea.registry import as_plain, read_call, write_call

TRANSFORM_OPTIONS: Mapping[str, Any] = {
    "rotate": 0,
    "scale": (1, 1),
    "jitter": 0,
    "translate": 0,
    "drop_points": 0,
}
"""Options of the command line that set one transform, in the order in which they are applied, with
the values that do nothing. Older run folders have these names, too."""


@dataclass(frozen=True)
class Recipe:
    """A training run, but for its data root and run folder.

    Lengths are in units of the unit sphere's radius, learning rates are for the whole batch.
    """

    name: str
    """What the recipe is called."""
    dataset: str
    """Data set: shapes, modelnet40, shapenetpart, or a folder of your own shapes."""
    model: str
    """Model, one of pcea.list_models()."""
    attention: str | None = None
    """Attention in the model, one of pcea.list_attentions(); None: the model's own."""
    attention_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the attention, such as slots=128 tied=true."""
    residual: Literal["own", "offset", "add", "none", "pre-norm"] = "own"
    """What surrounds each attention: x + LBR(x - out), x + LBR(out), out alone, or a transformer's
    block with pre-normalization; own: as in the model, offset in most."""
    normals: bool = False
    """Whether normals are a further input."""
    model_options: Mapping[str, Any] = field(default_factory=dict)
    """Further options of the model, such as depth=2 k=16."""

    train_split: Literal["train", "trainval"] = "train"
    """What is trained on."""
    num_points: int = 1024
    """Points of each cloud that the model takes, drawn anew each epoch."""
    epochs: int = 250
    """Passes over the training split."""
    batch_size: int = 32
    """Clouds per step, over all devices."""
    balance: float = 0.0
    """0: categories are drawn as often as they occur; 1: all equally often; or in between."""
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
    restarts: tuple[int, ...] = ()
    """Epochs after which warm-up and cosine begin again, such as 40 80."""
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
    """Largest norm of the gradient; 0: no limit."""
    ema: float = 0.0
    """Decay per step of the averaged weights that are validated and saved; 0: no averaging."""

    method: str = "auto"
    """Training method, of pcea.training.list_methods(); auto: the attention's own, else plain."""
    method_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the training method, such as partitions=2."""

    transforms: Sequence[str] = ("scale(0.67, 1.5)", "translate(0.2)")
    """Random changes to each training batch in turn, of pcea.list_transforms()."""

    metric: tuple[str, ...] = ()
    """Further metrics that validation measures by, of pcea.evaluation.list_metrics()."""
    tracker: tuple[str, ...] = ("tensorboard",)
    """What follows the run, of pcea.training.trackers."""
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """Arithmetic of the forward pass; auto: bf16 where the device multiplies it faster."""
    compile: Literal["auto", "yes", "no"] = "auto"
    """Whether torch.compile builds the step; auto: where it is known to work and the run is long
    enough to repay it."""

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(Recipe).items():
            # A run's recipe.yaml knows one kind of list: a recipe that comes back from it is equal.
            value = as_plain(getattr(self, name))
            if name == "transforms":
                value = _as_calls(value)
            if name == "compile" and isinstance(value, bool):  # what YAML makes of yes and no
                value = "yes" if value else "no"
            usual = (1, 2**31 - 1) if kind is int else (0,)
            require(name, value, kind, *_BOUNDS.get(name, usual))
            object.__setattr__(self, name, value)
        for name in ("label_smoothing", "ema"):
            if getattr(self, name) == 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be below 1")
        bounds = (0, *self.restarts, self.epochs)
        if any(one >= other for one, other in pairwise(bounds)):
            raise InputError(
                f"restarts is {self.restarts}; it must be epochs in order, all before the last "
                f"one, {self.epochs}, or nothing"
            )
        if self.head_lr is not None and self.lr == 0:
            raise InputError(f"head_lr is {self.head_lr}; it needs an lr above 0")


_BOUNDS = {"seed": (-(2**63), 2**63 - 1)} | dict.fromkeys(
    ("balance", "label_smoothing", "ema"), (0, 1)
)


def set_transform(transforms: Sequence[str], option: str, value: Any) -> tuple[str, ...]:
    """Give one transform of a list other values, or add it, or take it out.

    Args:
        transforms: the list, names with values.
        option: one of :data:`TRANSFORM_OPTIONS`; if it is not in the list, it comes before those
            that follow it there.
        value: its value or values; those with which it does nothing take it out.
    """
    order = [name.replace("_", "-") for name in TRANSFORM_OPTIONS]
    own = option.replace("_", "-")
    names = [read_call(each)[0] for each in transforms]
    later = [own] if own in names else order[order.index(own) :]
    place = next((i for i, name in enumerate(names) if name in later), len(names))
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


def parse_recipe(values: Any) -> Recipe:
    """Make a recipe of plain values, as its file holds them; InputError where one is wrong."""
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
        if name not in values:
            raise InputError(f"the recipe does not say its {name}")
    return Recipe(**values)


class _Loader(yaml.SafeLoader):
    """Reads plain data; numbers such as 1e-3, too, which YAML 1.1 takes for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), [*"-+0123456789"]
)


@checked()
def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe's file, whose name is the recipe's unless it says another.

    It raises an InputError where the file holds no recipe.
    """
    path = Path(path)
    try:
        values = yaml.load(path.read_text("utf-8"), _Loader)
        recipe = parse_recipe({"name": path.stem, **values} if isinstance(values, dict) else values)
        if set(recipe.name) & set("/\\"):  # it names a run's folder
            raise InputError(f"name is {recipe.name!r}; it must be a name, not a path")
        return recipe
    except (OSError, UnicodeError, yaml.YAMLError, InputError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise InputError(f"cannot read recipe {path}: {reason}") from error


RECIPES: Mapping[str, Recipe] = {
    file.stem: read_recipe(file)
    for file in sorted(Path(__file__).parent.glob("*.yaml"), key=lambda file: file.stem)
}


@checked()
def get_recipe(name: str) -> Recipe:
    """Find a recipe by its name, one of :data:`RECIPES`, or by its ``.yaml`` file."""
    if name.endswith((".yaml", ".yml")):
        if not (path := Path(name)).exists():
            known = nearest(path.stem, RECIPES)
            raise InputError(f"cannot read recipe {path}: no such file; give a recipe{known}")
        return read_recipe(path)
    if name not in RECIPES:
        raise InputError(f"no recipe is called {name!r}{nearest(name, RECIPES)}")
    return RECIPES[name]
