"""Named experiments: everything that a training run depends on, in one frozen dataclass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pcea.errors import InputError, nearest

_NOT_NEGATIVE = (
    "balance",
    "lr",
    "final_lr",
    "warmup_epochs",
    "weight_decay",
    "clip",
    "translate",
    "jitter",
    "rotate",
)
_SHARES = ("label_smoothing", "ema", "drop_points")


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
    clip: float = 1.0
    """Largest norm of the gradient; 0: unbounded."""
    ema: float = 0.0
    """Decay a step of the averaged weights that are validated and saved; 0: none."""

    scale: tuple[float, float] = (0.67, 1.5)
    """Bounds of the random stretch of each axis."""
    translate: float = 0.2
    """Largest random move along each axis."""
    jitter: float = 0.0
    """Standard deviation of noise on the coordinates."""
    rotate: float = 0.0
    """Largest random turn about the upright axis, in degrees."""
    drop_points: float = 0.0
    """Largest share of points that random input dropout takes."""

    precision: Literal["auto", "float32", "bf16"] = "float32"
    """Arithmetic of the forward pass; auto: bf16 where the device multiplies it faster."""
    compile: bool = False
    """Whether torch.compile builds the step (needs a C++ compiler on a CPU)."""

    def __post_init__(self) -> None:
        # A run's recipe.yaml knows one kind of list: a recipe that comes back from it is equal.
        for name in ("attention_options", "model_options", "scale"):
            object.__setattr__(self, name, _as_tuples(getattr(self, name)))
        bounds = {
            **dict.fromkeys(("num_points", "epochs", "batch_size"), (1, "at least 1")),
            **dict.fromkeys(_NOT_NEGATIVE + _SHARES, (0, "at least 0")),
        }
        for name, (least, words) in bounds.items():
            if not least <= getattr(self, name) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}; it must be {words}")
        for name in _SHARES:
            if getattr(self, name) >= 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be below 1")
        if not (isinstance(self.scale, tuple) and len(self.scale) == 2):
            raise InputError(f"scale is {self.scale}; it must be two bounds")
        low, high = self.scale
        if not 0 < low <= high < math.inf:
            raise InputError(f"scale is {low} to {high}; its bounds must be above 0 and in order")


def _as_tuples(value: Any) -> Any:
    """A value in which lists, however deep, are tuples."""
    if isinstance(value, Mapping):
        return {key: _as_tuples(item) for key, item in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, (list, tuple)) else value


# PCT's published protocol.
_PCT = Recipe(
    name="modelnet40-pct",
    dataset="modelnet40",
    model="pct",
    optimizer="sgd",
    lr=0.01,
    final_lr=1e-4,
    warmup_epochs=0.0,
    weight_decay=5e-4,
    clip=0.0,
    drop_points=0.875,
)
_EAT = Recipe(
    name="modelnet40-eat",
    dataset="modelnet40",
    model="eat",
    final_lr=1e-5,
    warmup_epochs=5.0,
    ema=0.999,
)
_EAT_PARTS = Recipe(
    name="shapenetpart-eat",
    dataset="shapenetpart",
    model="eat-seg",
    normals=True,
    num_points=2048,
    batch_size=16,
    warmup_epochs=5.0,
    label_smoothing=0.1,
    ema=0.999,
    scale=(0.8, 1.25),
    translate=0.1,
)

# Ten minutes or so on two CPU cores.
_TINY = Recipe(
    name="modelnet40-eat-tiny",
    dataset="modelnet40",
    model="eat-tiny",
    epochs=28,
    lr=2e-3,
    scale=(0.8, 1.25),
    translate=0.1,
    precision="auto",
)
# The classifier that ships was trained by it.
_SMALL = replace(
    _TINY,
    name="modelnet40-eat-small",
    model_options={"num": (256, 128), "dropout": 0.4},
    epochs=38,
    scale=(0.75, 1.33),
    translate=0.15,
)
_TINY_PARTS = Recipe(
    name="parts-eat-tiny",
    dataset="meshparts23",
    model="eat-seg-tiny",
    normals=True,
    epochs=45,
    batch_size=16,
    balance=0.5,
    lr=2e-3,
    label_smoothing=0.1,
    scale=(0.8, 1.25),
    translate=0.1,
    precision="auto",
)

# A minute or so, on the shapes that need no download.
_SHAPES = replace(
    _TINY, name="shapes-cls", dataset="shapes", num_points=256, epochs=6, batch_size=16
)
_SHAPES_PARTS = replace(
    _TINY_PARTS,
    name="shapes-seg",
    dataset="shapes",
    model_options={"num": (128, 64)},
    num_points=512,
    epochs=7,
    balance=0.0,
)

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        _SHAPES,
        _SHAPES_PARTS,
        _PCT,
        _EAT,
        _TINY,
        _SMALL,
        _EAT_PARTS,
        replace(_EAT_PARTS, name="parts-eat", dataset="meshparts23"),
        _TINY_PARTS,
    )
}


def get_recipe(name: str) -> Recipe:
    """Find a recipe by name.

    Raises:
        InputError: no recipe has that name.
    """
    if name not in RECIPES:
        raise InputError(f"no recipe is called {name!r}{nearest(name, RECIPES)}")
    return RECIPES[name]
