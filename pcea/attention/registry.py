"""Attention by name: mechanisms register themselves, and everybody else asks here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from pcea.attention.base import Attention
from pcea.errors import InputError, nearest

_MECHANISMS: dict[str, type[Attention]] = {}

A = TypeVar("A", bound=Attention)


def register(name: str) -> Callable[[type[A]], type[A]]:
    """Make a class of attention known by a name.

    Args:
        name: the name that users give, lower case, words joined by hyphens.

    Returns:
        A class decorator. The class takes ``dim`` first and its options, all with defaults, after.

    Raises:
        ValueError: the name is taken.
    """

    def add(mechanism: type[A]) -> type[A]:
        if name in _MECHANISMS:
            raise ValueError(f"attention {name!r} is already {_MECHANISMS[name].__qualname__}")
        _MECHANISMS[name] = mechanism
        return mechanism

    return add


def list_attentions() -> list[str]:
    """Name every registered attention.

    Returns:
        The names, sorted.
    """
    return sorted(_MECHANISMS)


def create_attention(name: str, dim: int, **options: Any) -> Attention:
    """Build an attention by name.

    Args:
        name: one of ``list_attentions()``.
        dim: channels C of its input and output.
        options: the mechanism's own, such as ``slots=64`` or ``heads=4``.

    Returns:
        The attention, freshly initialised.

    Raises:
        InputError: no such attention, no such option of it, or a value that it cannot take.
    """
    if name not in _MECHANISMS:
        raise InputError(f"no attention is called {name!r}{nearest(name, _MECHANISMS)}")
    mechanism = _MECHANISMS[name]
    known = [option for option in inspect.signature(mechanism).parameters if option != "dim"]
    for option in options:
        if option not in known:
            raise InputError(f"attention {name!r} has no option {option!r}{nearest(option, known)}")
    return mechanism(dim, **options)
