"""Training that starts from weights: which weights are kept, and which are frozen."""

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, nearest
from pcea.models import PointModel, WrappedModel, create_model
from pcea.models.weights import read_weights

# How many names of categories or parts are printed.
NAMED = 12


def initialize(model: PointModel | WrappedModel, weights: str) -> list[str]:
    """Start a fresh model from weights of the same encoder; return lines that say what was kept.

    The last layers keep their weights for categories and parts whose names are the same; capital
    letters, spaces, ``-`` and ``_`` do not matter. The weights may be of another task.
    """
    if isinstance(model, WrappedModel):
        raise InputError(
            "init starts one of pcea's own models: load the weights into the object that is given, "
            "pcea.load_model(weights, model=…), and train it"
        )
    source, tensors, path = read_weights(weights)
    kept = {
        kind: _same_names(getattr(source.taxonomy, kind), getattr(model.info.taxonomy, kind))
        for kind in ("categories", "parts")
    }
    axes = _named_axes(model)
    for name, tensor in model.state_dict().items():
        given = tensors.get(name)
        if given is not None and name in axes:
            kind, axis = axes[name]
            if tensor.select(axis, 0).shape != given.select(axis, 0).shape:
                continue  # a head of another width keeps its fresh weights
            for new, old in kept[kind].items():
                tensor.select(axis, new).copy_(given.select(axis, old))
        elif given is not None and given.shape == tensor.shape:
            tensor.copy_(given)
        elif given is not None or name.startswith("encoder."):
            has = "nothing" if given is None else tuple(given.shape)
            raise InputError(
                f"weights {path} do not fit model {model.info.name!r}: {name} is "
                f"{tuple(tensor.shape)}, but they have {has}; they are of {source.name!r} with "
                f"options {dict(source.options)}"
            )
    notes = [f"init: weights of {weights}"]
    for kind, found in kept.items():
        new, old = getattr(model.info.taxonomy, kind), getattr(source.taxonomy, kind)
        if new and (kind == "categories" or model.task == "segmentation"):
            same = [
                new[i] if new[i] == old[j] else f"{new[i]} (from {old[j]})"
                for i, j in found.items()
            ]
            fresh = [name for i, name in enumerate(new) if i not in found]
            notes.append(f"{kind} kept: {_some(same)}; new: {_some(fresh)}")
    return notes


def freeze(model: PointModel | WrappedModel, names: Sequence[str]) -> list[nn.Module]:
    """Freeze modules by name, such as ``encoder.embedding``, and return them.

    The caller keeps them in evaluation mode, so that BatchNorm keeps its statistics.
    """
    own = model.module if isinstance(model, WrappedModel) else model
    modules = {name: module for name, module in own.named_modules() if name}
    for name in names:
        if name not in modules:
            known = modules if "." in name else dict(own.named_children())
            raise InputError(
                f"model {model.info.name!r} has no part {name!r}{nearest(name, known)}"
            )
        modules[name].requires_grad_(False)
    if not any(parameter.requires_grad for parameter in own.parameters()):
        raise InputError(f"freeze {' '.join(names)} leaves nothing to train")
    return [modules[name] for name in names]


def _same_names(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Map the ids of new names to those of the same old names."""
    before, now = ([re.sub(r"[ _-]", "", n.casefold()) for n in names] for names in (old, new))
    known = {name: i for i, name in enumerate(before)}
    return {i: known[name] for i, name in enumerate(now) if name in known}


def _named_axes(model: PointModel) -> dict[str, tuple[str, int]]:
    """Find the axes of tensors that have one entry per category or part: {tensor: (kind, axis)}."""
    # These axes grow by one or by two in a model with one category and two parts more.
    own, kinds = model.info.taxonomy, {1: "categories", 2: "parts"}
    more = Taxonomy((*own.categories, "\0"))
    if own.parts:
        more = replace(more, parts=(*own.parts, "\0", "\1"), parts_of=(*own.parts_of, ()))
    with torch.device("meta"):
        other = create_model(model.info.name, more, **model.info.options).state_dict()
    return {
        name: (kinds[two - one], axis)
        for name, tensor in model.state_dict().items()
        for axis, (one, two) in enumerate(zip(tensor.shape, other[name].shape, strict=True))
        if two - one in kinds
    }


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more if names else "none"
