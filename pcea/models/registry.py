"""Models by name."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from pcea.datasets import modelnet40, shapenetpart
from pcea.datasets.dataset import Task
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, checked, nearest
from pcea.models.base import PointModel
from pcea.models.classifier import Classifier
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.segmenter import Segmenter
from pcea.registry import Registry

# Simple PCT: no neighbor embedding, no stem, and no embedding in the concatenation.
SIMPLE: dict[str, Any] = {"dims": (128,), "num": (), "stem": 0, "keep_embedding": False}
# Neighbor embedding of all points, because segmentation predicts a part for each.
DENSE: dict[str, Any] = {"num": (None, None), "dims": (64, 64, 128)}
# Narrow enough for a CPU: one LBR block on neighbors, one on their maximum.
TINY: dict[str, Any] = {
    "dims": (32, 64, 128),
    "num": (128, 64),
    "k": 16,
    "inner": 1,
    "outer": 1,
    "stem": 0,
    "fused": 512,
}
TINY_DENSE: dict[str, Any] = {**TINY, "num": (256, 128), "hidden": (256, 128)}
# Transformer blocks of the authors' multi-head external attention, at the depth of EAMLP-7.
EAMLP: dict[str, Any] = {"attention": "multihead-external-wide", "residual": "pre-norm"}

M = TypeVar("M", bound=type[PointModel])

# Each entry is a class with the options that its name stands for.
MODELS: Registry[partial[PointModel]] = Registry("model", "pcea.models")


def register_model(name: str, **options: Any) -> Callable[[M], M]:
    """Decorate a model class to register it under a name.

    The class takes a :class:`ModelInfo`, then its options, which all have defaults. If it takes
    further keywords, they are options of the encoder.

    Args:
        name: the name that users give, lower case, words joined by hyphens.
        options: the options of the class that this name stands for.

    Raises:
        ValueError: the name is taken.
        TypeError: it is not a subclass of :class:`PointModel` with a ``task``.
    """

    def add(kind: M) -> M:
        if not (isinstance(kind, type) and issubclass(kind, PointModel) and hasattr(kind, "task")):
            raise TypeError(f"model {name!r}: {kind!r} is no class of PointModel with a task")
        MODELS.register(name)(partial(kind, **options))
        return kind

    return add


register_model("pct", attention="offset")(Classifier)
register_model("spct", attention="offset", **SIMPLE)(Classifier)
register_model("eat")(Classifier)
register_model("eat-simple", **SIMPLE)(Classifier)
register_model("eat-tiny", **TINY, pooling=("max", "mean"))(Classifier)
register_model("eamlp", **EAMLP, depth=7)(Classifier)
register_model("eamlp-tiny", **EAMLP, **TINY, pooling=("max", "mean"))(Classifier)
register_model("pct-seg", attention="offset", **DENSE)(Segmenter)
register_model("spct-seg", attention="offset", **SIMPLE)(Segmenter)
register_model("eat-seg", **DENSE)(Segmenter)
register_model("eat-seg-simple", **SIMPLE)(Segmenter)
register_model("eat-seg-tiny", **TINY_DENSE)(Segmenter)
register_model("eamlp-seg", **EAMLP, **DENSE, depth=7)(Segmenter)
register_model("eamlp-seg-tiny", **EAMLP, **TINY_DENSE)(Segmenter)


@checked()
def list_models(task: Task | None = None) -> list[str]:
    """Name every model, or those for ``classification`` or ``segmentation``, sorted."""
    if task is None:
        return MODELS.names()
    return [name for name in MODELS.entries() if task_of(name) == task]


def task_of(name: str) -> str:
    """Say which task a model is for, ``classification`` or ``segmentation``."""
    return cast(type[PointModel], MODELS.get(name).func).task


@checked(num_points=1)
def create_model(
    name: str,
    taxonomy: Taxonomy | None = None,
    *,
    dataset: str | None = None,
    num_points: int = 1024,
    training: Mapping[str, Any] | None = None,
    **options: Any,
) -> PointModel:
    """Build a model by name, freshly initialized, in training mode.

    Args:
        name: a name of :func:`list_models`.
        taxonomy: the categories, and parts, to predict. Default: those of ModelNet40 for
            classifiers, of ShapeNetPart for segmenters.
        dataset: the data set it is for, kept with the model.
        num_points: how many points of a user's shape it takes.
        training: how it was trained, kept with the model.
        options: options of the model and its encoder, such as ``attention="self"``,
            ``attention_options={"slots": 128}``, ``residual="add"`` or ``normals=True``.

    Raises:
        InputError: no such model, option or attention.
    """
    if taxonomy is None:
        classifies = task_of(name) == "classification"
        taxonomy = Taxonomy(modelnet40.CATEGORIES) if classifies else shapenetpart.SHAPENETPART
    return build_model(ModelInfo(name, taxonomy, options, dataset, num_points, training or {}))


def build_model(info: ModelInfo) -> PointModel:
    """Build a freshly initialized model from its description; see :func:`create_model`."""
    name, options, build = info.name, info.options, MODELS.get(info.name)
    _, *own = inspect.signature(build.func).parameters.values()
    known = {each.name: each.default for each in own if each.kind is not each.VAR_KEYWORD}
    if len(known) < len(own):  # further keywords are options of the encoder
        encoder = inspect.signature(PointTransformer).parameters.values()
        known |= {each.name: each.default for each in encoder}
    for option, value in options.items():
        if option not in known:
            raise InputError(f"model {name!r} has no option {option!r}{nearest(option, known)}")
        if isinstance(known[option], bool) and not isinstance(value, bool):
            raise InputError(f"model option {option} is {value!r}; it must be true or false")
    try:
        return build(info, **options)
    except InputError:
        raise
    except (TypeError, ValueError, IndexError, RuntimeError) as error:  # a wrong value of an option
        reason = str(error).partition("\n")[0]
        raise InputError(f"model {name!r} cannot be built with {options}: {reason}") from error
