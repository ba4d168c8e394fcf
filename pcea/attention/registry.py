"""Attention by name: mechanisms register themselves, and everybody else asks here."""

from __future__ import annotations

import inspect
from typing import Any

from pcea.attention.base import Attention
from pcea.errors import InputError, nearest
from pcea.registry import Registry

# A class takes ``dim`` first and its options, all with defaults, after.
ATTENTIONS: Registry[type[Attention]] = Registry("attention", "pcea.attentions")
register_attention = ATTENTIONS.register


def list_attentions() -> list[str]:
    """Name every attention, those of installed plug-ins too, sorted."""
    return ATTENTIONS.names()


def create_attention(name: str, dim: int, **options: Any) -> Attention:
    """Build an attention by name, freshly initialized.

    Args:
        name: one of ``list_attentions()``.
        dim: channels C of its input and output.
        options: the mechanism's own, such as ``slots=64`` or ``heads=4``.

    Raises:
        InputError: no such attention, no such option of it, or a value that it cannot take.
    """
    mechanism = ATTENTIONS.get(name)
    known = [option for option in inspect.signature(mechanism).parameters if option != "dim"]
    for option in options:
        if option not in known:
            raise InputError(f"attention {name!r} has no option {option!r}{nearest(option, known)}")
    return mechanism(dim, **options)
