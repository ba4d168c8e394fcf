"""Read transforms: names with values, mappings, objects and functions."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.errors import InputError, nearest
from pcea.registry import read_call
from pcea.transforms.base import TRANSFORMS, Transform, changed, points_of
from pcea.transforms.drawing import whole_numbers


def as_transforms(value: Any) -> tuple[Transform, ...]:
    """Make a list of transforms.

    Args:
        value: one of these, or a list of them: a name, ``"scale"``; a name with values,
            ``"scale(0.67, 1.5)"``; a mapping of a name to its values, ``{"scale": {"low": 0.67}}``
            or ``{"scale": [0.67, 1.5]}``; a transform; a transform of torch-geometric, which is
            applied to each cloud by itself; a function of a batch and a generator that returns a
            batch. None gives an empty list.

    Raises:
        InputError: there is no such transform, or a value is wrong.
    """
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(each for item in value for each in as_transforms(item))
    if isinstance(value, str):
        name, args, values = read_call(value)
        return (_build(name, args, values),)
    if isinstance(value, Mapping):
        return tuple(_from_entry(str(name), values) for name, values in value.items())
    if isinstance(value, Transform):
        return (value,)
    if any(each.__module__.startswith("torch_geometric.") for each in type(value).__mro__):
        return (CloudByCloud(value),)
    if callable(value):
        return (Function(value),)
    raise InputError(f"{value!r} is no transform: give a name, a mapping, a transform, a function")


def _from_entry(name: str, values: Any) -> Transform:
    if isinstance(values, Mapping):
        return _build(name, (), dict(values))
    listed = [] if values is None else values if isinstance(values, (list, tuple)) else [values]
    return _build(name, tuple(listed), {})


def _build(name: str, args: tuple[Any, ...], values: dict[str, Any]) -> Transform:
    transform = TRANSFORMS.get(name)
    known = [each.name for each in fields(transform)]
    own = [each.name for each in fields(transform) if not each.kw_only]
    for key in values:
        if key not in known:
            raise InputError(f"transform {name!r} has no value {key!r}{nearest(key, known)}")
    if len(args) > len(own):
        raise InputError(
            f"transform {name!r} takes {len(own)} values ({', '.join(own)}), not {len(args)}"
        )
    try:
        return transform(*args, **values)
    except TypeError as error:
        raise InputError(f"transform {name!r}: {error}") from error


@dataclass(frozen=True)
class Function(Transform):
    """A transform that calls a function of a batch and a generator."""

    function: Callable[[Batch, Generator], Batch]

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        done = self.function(batch, generator)
        if not isinstance(done, Batch):
            raise InputError(f"{self.function!r} returned {type(done).__name__}, not a Batch")
        return done


@dataclass(frozen=True)
class CloudByCloud(Transform):
    """A transform of torch-geometric, applied to each cloud of a batch by itself.

    The given generator seeds those of Python, NumPy and torch, from which it draws.
    """

    transform: Callable[[Any], Any]

    def apply(self, batch: Batch, generator: Generator) -> Batch:
        from torch_geometric.data import Data

        done = []
        given = points_of(batch)
        with _seeded(int(whole_numbers((), 0, 2**32 - 1, batch.pos, generator))):
            for cloud, category in enumerate(batch.category.unsqueeze(1)):
                own = {key: x[cloud] for key, x in given.items()}
                data = Data(**own, category=category, y=own.get("part", category))
                done.append(self.transform(data))
        if len({len(data.pos) for data in done}) > 1:
            raise InputError(f"{self.transform!r} gave clouds with different numbers of points")
        return changed(batch, **{key: torch.stack([data[key] for data in done]) for key in given})


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
