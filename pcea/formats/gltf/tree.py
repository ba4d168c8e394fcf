"""The JSON of a glTF file, looked up with the types that the format promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pcea.errors import InputError

_SINGULAR = {
    "accessors": "accessor",
    "bufferViews": "bufferView",
    "buffers": "buffer",
    "meshes": "mesh",
    "nodes": "node",
    "scenes": "scene",
    "skins": "skin",
}
# Beyond these, whole numbers are no counts of anything, and real ones overflow.
_MOST_WHOLE, _MOST_REAL = 2**53, 1e300


class Entry:
    """One object of the JSON. It knows its name, so that every message can say where it is.

    Args:
        values: what the object holds.
        name: such as ``accessor 3``; empty for the whole file.
        path: the file.

    Raises:
        InputError: ``values`` is no object. The look-ups raise it where a value is not what the
            format says.
    """

    def __init__(self, values: Any, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        if not isinstance(values, dict):
            raise self.error(f"it is {_kind(values)} where an object is needed")
        self.values: dict[str, Any] = values

    def error(self, text: str) -> InputError:
        """Make an error that names the file and the object."""
        return InputError(f"{self.path}{', ' * bool(self.name)}{self.name}: {text}")

    def __contains__(self, key: str) -> bool:
        """Tell whether the object has a value of this name."""
        return key in self.values

    def whole(self, key: str, default: int | None = None) -> int:
        """Look up a whole number from 0; without a default it must be there."""
        value = self.values.get(key, default)
        if value is None:
            raise self.error(f"it has no {key}")
        return self._whole(value, key)

    def wholes(self, key: str) -> list[int]:
        """Look up a list of whole numbers from 0; empty where there is none."""
        return [self._whole(value, key) for value in self._list(key)]

    def reals(self, key: str, num: int | None = None) -> list[float] | None:
        """Look up ``num`` finite numbers (default: any number of them); None where they lack."""
        if key not in self.values:
            return None
        found = self._list(key)
        if num is not None and len(found) != num:
            raise self.error(f"its {key} has {len(found)} numbers, not {num}")
        for value in found:
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and -_MOST_REAL < value < _MOST_REAL):
                raise self.error(f"its {key} holds {_kind(value)} where a finite number is needed")
        return [float(value) for value in found]

    def text(self, key: str, default: str = "") -> str:
        """Look up a text."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.error(f"its {key} is {_kind(value)}, not a text")
        return value

    def texts(self, key: str) -> list[str]:
        """Look up a list of texts; empty where there is none."""
        found = self._list(key)
        if not all(isinstance(value, str) for value in found):
            raise self.error(f"its {key} holds something that is no text")
        return found

    def child(self, key: str) -> Entry:
        """Look up an object in the object; an empty one where there is none."""
        return Entry(self.values.get(key, {}), self._join(key), self.path)

    def children(self, key: str, called: str) -> list[Entry]:
        """Look up a list of objects, each called ``called`` and its number."""
        return [
            Entry(value, self._join(f"{called} {number}"), self.path)
            for number, value in enumerate(self._list(key))
        ]

    def count(self, key: str) -> int:
        """Count the entries of a list."""
        return len(self._list(key))

    def at(self, key: str, index: int) -> Entry:
        """Look up one object of a list of the whole file, such as ``accessors``."""
        return Entry(self._list(key)[index], f"{_SINGULAR[key]} {index}", self.path)

    def _list(self, key: str) -> list[Any]:
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.error(f"its {key} is {_kind(value)}, not a list")
        return value

    def _whole(self, value: Any, key: str) -> int:
        # Some writers give every number a decimal point.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST_WHOLE:
            raise self.error(f"its {key} is {_kind(value)} where a whole number from 0 is needed")
        return value

    def _join(self, name: str) -> str:
        return f"{self.name}, {name}" if self.name else name


def refer(root: Entry, entry: Entry, key: str, kind: str) -> Entry:
    """Follow a reference to an entry of one of the file's lists.

    Args:
        root: the whole file.
        entry: what refers.
        key: the name of the reference in it.
        kind: the list, such as ``accessors``.

    Raises:
        InputError: there is no reference, or nothing that it refers to.
    """
    index, num = entry.whole(key), root.count(kind)
    if index >= num:
        raise entry.error(f"its {key} is {_SINGULAR[kind]} {index}, but there are {num}")
    return root.at(kind, index)


def _kind(value: Any) -> str:
    """Say what a value is, without printing a long one."""
    if isinstance(value, (bool, int, float)):
        return f"{value!r:.30}"
    names = {str: "a text", list: "a list", dict: "an object", type(None): "nothing"}
    return names[type(value)]
