"""Models by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pcea.datasets import modelnet40, parts
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, nearest
from pcea.models.base import PointModel
from pcea.models.classifier import Classifier
from pcea.models.encoder import PointTransformer
from pcea.models.info import ModelInfo
from pcea.models.segmenter import Segmenter

# Without neighbor embedding, and without what PCT puts around the attention layers for it.
SIMPLE: dict[str, Any] = {"dims": (128,), "num": (), "stem": 0, "keep_embedding": False}
# Neighbor embedding of all points: segmentation needs an answer for each.
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

MODELS: Mapping[str, tuple[type[PointModel], dict[str, Any]]] = {
    "pct": (Classifier, {"attention": "offset"}),
    "spct": (Classifier, {"attention": "offset", **SIMPLE}),
    "eat": (Classifier, {}),
    "eat-simple": (Classifier, SIMPLE),
    "eat-tiny": (Classifier, {**TINY, "pooling": ("max", "mean")}),
    "pct-seg": (Segmenter, {"attention": "offset", **DENSE}),
    "spct-seg": (Segmenter, {"attention": "offset", **SIMPLE}),
    "eat-seg": (Segmenter, DENSE),
    "eat-seg-simple": (Segmenter, SIMPLE),
    "eat-seg-tiny": (Segmenter, TINY_DENSE),
}


def list_models(task: str | None = None) -> list[str]:
    """Name every model.

    Args:
        task: ``classification`` or ``segmentation``. Default: both.

    Returns:
        The names, sorted.
    """
    return sorted(name for name, (kind, _) in MODELS.items() if task in (None, kind.task))


def create_model(
    name: str,
    taxonomy: Taxonomy | None = None,
    *,
    dataset: str | None = None,
    num_points: int = 1024,
    training: Mapping[str, Any] | None = None,
    **options: Any,
) -> PointModel:
    """Build a model by name, freshly initialised.

    Args:
        name: a name of :func:`list_models`.
        taxonomy: the categories, and parts, to predict. Default: those of ModelNet40 for
            classifiers, of ShapeNetPart for segmenters.
        dataset: the data set it is for, kept with the model.
        num_points: how many points it looks at when used on a user's cloud. Default 1024.
        training: what its training says of itself, kept with the model.
        options: options of the model and its encoder, such as ``attention="self"``,
            ``attention_options={"slots": 128}``, ``residual="add"`` or ``normals=True``.

    Returns:
        The model, in training mode.

    Raises:
        InputError: no such model, option or attention.
    """
    if name not in MODELS:
        raise InputError(f"no model is called {name!r}{nearest(name, MODELS)}")
    kind, preset = MODELS[name]
    known = [
        parameter
        for source in (kind, PointTransformer)
        for parameter in inspect.signature(source).parameters
        if parameter not in ("info", "encoder")
    ]
    for option in options:
        if option not in known:
            raise InputError(f"model {name!r} has no option {option!r}{nearest(option, known)}")
    if taxonomy is None:
        classifier = kind.task == "classification"
        taxonomy = Taxonomy(modelnet40.CATEGORIES) if classifier else parts.SHAPENETPART
    info = ModelInfo(name, taxonomy, options, dataset, num_points, training or {})
    try:
        return kind(info, **{**preset, **options})
    except InputError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:  # what a width or a count can break
        reason = str(error).partition("\n")[0]
        raise InputError(f"model {name!r} cannot be built with {options}: {reason}") from error
