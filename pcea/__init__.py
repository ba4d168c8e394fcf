"""pcea: point clouds and external attention.

    model = pcea.load_model("runs/mine")
    cloud = pcea.read("chair.obj").sample(1024)
    model.classify(cloud)  # [("chair", 0.97), …]

Every name is imported when it is first used, so that ``pcea --help`` does not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pcea.threads import settle
from pcea.version import __version__

if TYPE_CHECKING:
    from pcea.attention import create_attention, list_attentions
    from pcea.comparison.compare import compare
    from pcea.datasets import list_datasets, load_dataset
    from pcea.errors import InputError
    from pcea.evaluation import evaluate
    from pcea.explanation import explain
    from pcea.formats import Cloud, Mesh, as_shape, read
    from pcea.models import create_model, list_models, list_pretrained, load_model, save_model
    from pcea.recipes import RECIPES, Recipe
    from pcea.training import train
    from pcea.transforms import list_corruptions, list_transforms
    from pcea.viewer import show

# This comes before anything imports torch, which reads the environment only once.
settle()

_HOMES = {
    "attention": ("create_attention", "list_attentions"),
    "comparison.compare": ("compare",),
    "datasets": ("list_datasets", "load_dataset"),
    "errors": ("InputError",),
    "evaluation": ("evaluate",),
    "explanation": ("explain",),
    "formats": ("Cloud", "Mesh", "as_shape", "read"),
    "models": ("create_model", "list_models", "list_pretrained", "load_model", "save_model"),
    "recipes": ("RECIPES", "Recipe"),
    "training": ("train",),
    "transforms": ("list_corruptions", "list_transforms"),
    "viewer": ("show",),
}

__all__ = [
    "RECIPES",
    "Cloud",
    "InputError",
    "Mesh",
    "Recipe",
    "__version__",
    "as_shape",
    "compare",
    "create_attention",
    "create_model",
    "evaluate",
    "explain",
    "list_attentions",
    "list_corruptions",
    "list_datasets",
    "list_models",
    "list_pretrained",
    "list_transforms",
    "load_dataset",
    "load_model",
    "read",
    "save_model",
    "show",
    "train",
]


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'pcea' has no attribute {name!r}")
    if mixed := import_module("pcea.installation").mixed_files():
        raise ImportError(mixed)
    value = getattr(import_module(f"pcea.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
