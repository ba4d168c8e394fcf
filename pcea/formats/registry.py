"""The file formats that are read, by the endings of their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pcea.formats.raw import Raw
from pcea.registry import Registry

Reader = Callable[[Path], Raw]

FORMATS = Registry[Reader]("file format", "pcea.formats")


def register_format(*endings: str) -> Callable[[Reader], Reader]:
    """Register a function that takes a file's path and returns its content unchecked, as ``Raw``.

    It raises :class:`pcea.InputError` on what it cannot read.

    Args:
        endings: of the files that it reads, such as ``"ply"``: lower case, without the dot.
    """

    def add(reader: Reader) -> Reader:
        for ending in endings:
            FORMATS.register(ending)(reader)
        return reader

    return add
