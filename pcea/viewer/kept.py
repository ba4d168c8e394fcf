"""What was worked out and may be asked for again, kept as far as memory was set aside for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from torch import Tensor
from torch.nn import Module

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Values by their keys; where they take too much room, what was used longest ago goes first.

    The value that was used last always stays, however large it is.

    Args:
        budget: how many bytes all values may take together, as :func:`bytes_in` counts them.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._values: dict[Key, Value] = {}  # what was used last stands last

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Give a value.

        Args:
            key: what it is called.
            make: makes it, where it is not kept.
        """
        value = self._values.pop(key) if key in self._values else make()
        self._values[key] = value
        self._make_room()
        return value

    def forget(self, key: Key) -> None:
        """Let a value go, if it is kept."""
        self._values.pop(key, None)

    def __iter__(self) -> Iterator[Key]:
        """Give the keys, the one that was used longest ago first."""
        return iter(tuple(self._values))

    def __contains__(self, key: object) -> bool:
        """Tell whether a value is kept."""
        return key in self._values

    def _make_room(self) -> None:
        # A value may have grown since it came, as a study does: all are weighed again.
        sizes = {key: bytes_in(value) for key, value in self._values.items()}
        total = sum(sizes.values())
        for key in list(sizes)[:-1]:
            if total <= self._budget:
                return
            total -= sizes[key]
            del self._values[key]


def bytes_in(*values: object) -> int:
    """Count the bytes of all tensors and arrays in some values, as deep as they are.

    What shares memory counts once. Models do not count, as many values have one model.
    """
    return sum(dict(_memory(values, set())).values())


def _memory(value: object, met: set[int]) -> Iterator[tuple[int, int]]:
    """Each piece of memory: its address and its bytes."""
    if id(value) in met or isinstance(value, (Module, type)):
        return
    met.add(id(value))
    if isinstance(value, Tensor):
        storage = value.untyped_storage()  # the whole of it stays, even for a single column
        yield storage.data_ptr(), storage.nbytes()
    elif isinstance(value, np.ndarray):
        while isinstance(value.base, np.ndarray):
            value = value.base
        yield value.ctypes.data, value.nbytes
    else:
        for each in _inside(value):
            yield from _memory(each, met)


def _inside(value: object) -> list[object]:
    """What a collection or an object holds."""
    if isinstance(value, (tuple, list)):
        return [*value]
    held = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return [*held.values()]
