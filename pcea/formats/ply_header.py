"""What the header of a PLY file announces."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pcea.errors import InputError
from pcea.formats.text import header_lines

_NAMES = {
    "i1": ("char", "int8"),
    "u1": ("uchar", "uint8"),
    "i2": ("short", "int16"),
    "u2": ("ushort", "uint16"),
    "i4": ("int", "int32"),
    "u4": ("uint", "uint32"),
    "i8": ("int64",),
    "u8": ("uint64",),
    "f4": ("float", "float32"),
    "f8": ("double", "float64"),
}
_TYPES = {name: code for code, names in _NAMES.items() for name in names}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True)
class Property:
    """A property of an element.

    Args:
        name: in lower case.
        type: numpy's, without the byte order: ``f4``.
        count: the type of a list's length; None for a single value.
    """

    name: str
    type: str
    count: str | None = None


@dataclass(frozen=True)
class Element:
    """An element, ``length`` records of the same properties; its name is in lower case."""

    name: str
    length: int
    properties: list[Property] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        """Whether a property is a list."""
        return any(p.count for p in self.properties)


@dataclass(frozen=True)
class Header:
    """A whole header.

    Args:
        order: the byte order, ``<`` or ``>``; empty for text.
        elements: in the order of their data.
        start: where the data begin.
        lines: how many lines the header has.
    """

    order: str
    elements: list[Element]
    start: int
    lines: int


def read_header(data: bytes, path: Path) -> Header:
    """Read the header of a PLY file.

    Args:
        data: the file.
        path: its name, for the message.

    Raises:
        InputError: it is none, or it announces what no PLY has.
    """
    if data[:3].lower() != b"ply":
        raise InputError(
            f"{path}: it does not start with 'ply', as a PLY file does: is it renamed?"
        )
    order: str | None = None
    elements: list[Element] = []
    for number, (line, start) in enumerate(header_lines(data), 1):
        try:
            match line.lower().split():
                case ["format", name, *_]:
                    order = _ORDERS[name]
                case ["element", name, length]:
                    if not length.isdecimal():
                        raise ValueError
                    elements.append(Element(name, int(length)))
                case ["property", "list", count, kind, name]:
                    elements[-1].properties.append(Property(name, _TYPES[kind], _TYPES[count]))
                case ["property", kind, name]:
                    elements[-1].properties.append(Property(name, _TYPES[kind]))
                case ["end_header"] if order is not None:
                    return Header(order, elements, start, number)
        except (KeyError, ValueError, IndexError):
            raise InputError(f"{path}, line {number}: {line[:60]!r} is no line of a PLY") from None
    raise InputError(f"{path}: its header is truncated or has no format")
