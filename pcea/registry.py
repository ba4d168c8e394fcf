"""Registries of named entries, such as attentions: those of this package and of plug-ins."""

import ast
import math
import pkgutil
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from pcea.errors import InputError, nearest, plain

T = TypeVar("T")
E = TypeVar("E")


class Registry(Generic[T]):
    """The entries of one ``kind``, such as ``"attention"``, each under the name that users give.

    The decorator :meth:`register` adds an entry. Another installed package declares its entries
    under the same names as entry points of the ``group``, in its ``pyproject.toml``, and they are
    imported when they are first needed::

        [project.entry-points."pcea.attentions"]
        mine = "my_package.attention:MyAttention"
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._entries: dict[str, T] = {}
        self._left_out: set[str] = set()

    def register(self, name: str) -> Callable[[E], E]:
        """Decorate an entry to register it under a name.

        Raises:
            ValueError: the name is taken, or holds more than letters, digits, ``-`` and ``_``.
            TypeError: a class lacks methods that its kind needs.
        """

        def add(entry: E) -> E:
            if lacking := getattr(entry, "__abstractmethods__", None):
                raise TypeError(f"{self.kind} {name!r} lacks {', '.join(sorted(lacking))}")
            if not re.fullmatch(r"[A-Za-z0-9][\w-]*", name):
                raise ValueError(f"{self.kind} {name!r}: its name takes letters, digits, - and _")
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is already {self._entries[name]!r}")
            self._entries[name] = entry  # type: ignore[assignment]
            return entry

        return add

    def names(self) -> list[str]:
        """List all names, sorted, without importing plug-ins."""
        return sorted({*self._entries, *self._plugins})

    def entries(self) -> dict[str, T]:
        """Map all names, sorted, to entries; a plug-in that fails is left out with one warning."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.get(name)
            except InputError as error:
                if name not in self._left_out:
                    self._left_out.add(name)
                    warnings.warn(f"{error}; it is left out", stacklevel=2)
        return found

    def __contains__(self, name: str) -> bool:
        """Tell whether there is an entry of this name."""
        return name in self._entries or name in self._plugins

    def get(self, name: str) -> T:
        """Return the entry of a name; InputError if it is unknown or its plug-in fails."""
        if name not in self._entries:
            if name not in self._plugins:
                raise InputError(f"no {self.kind} is called {name!r}{nearest(name, self.names())}")
            point, before = self._plugins[name], dict(self._entries)
            where = f"{self.kind} {name!r}: its plug-in {point.value}"
            try:
                import_module(point.module)
            except (Exception, SystemExit) as error:  # a plug-in may raise anything
                self._entries = before
                text = f"it calls sys.exit({error})" if type(error) is SystemExit else str(error)
                reason = text.partition("\n")[0] or type(error).__name__
                raise InputError(f"{where} cannot be imported: {reason}") from error
            if name not in self._entries:
                raise InputError(f"{where} registers no {self.kind} of that name")
        return self._entries[name]

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}


def import_modules(package: str, folders: Iterable[str]) -> None:
    """Import every module of a package, so that a new file in it only has to register its entry.

    Args:
        package: its ``__name__``.
        folders: its ``__path__``.
    """
    for module in pkgutil.iter_modules(folders):
        import_module(f"{package}.{module.name}")


_WORDS = {"inf": math.inf, "true": True, "false": False, "none": None}


def read_call(text: str) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Parse ``"scale"`` or ``"rotate(15, axis=tilt)"`` as in recipes; words need no quotes.

    It returns the name, the positional values and the named ones. Any other form raises an
    InputError.
    """
    name, bracket, rest = text.strip().partition("(")
    if not bracket and ")" not in name:
        return name, (), {}
    try:
        call = ast.parse(f"_({rest}", mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            values = {str(each.arg): _value(each.value) for each in call.keywords}
            return name.strip(), tuple(map(_value, call.args)), values
    except (SyntaxError, ValueError, TypeError):
        pass
    raise InputError(f"{text!r} is not of the form NAME or NAME(VALUE, …, NAME=VALUE, …)")


def read_value(text: str) -> Any:
    """Parse a number, ``true``, ``false``, ``none`` or a list as ``64,128``, else keep the text."""
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        return text


def write_call(name: str, values: Any = None) -> str:
    """Write what :func:`read_call` parses: a name with a mapping, a sequence or one value."""
    if values is None or values == {} or values == ():
        return name
    if isinstance(values, Mapping):
        parts = [f"{key}={_text(value)}" for key, value in values.items()]
    else:
        parts = list(map(_text, values if isinstance(values, (list, tuple)) else [values]))
    return f"{name}({', '.join(parts)})"


def as_plain(value: Any) -> Any:
    """Make lists, however deep, tuples, and numbers of NumPy or PyTorch Python's own."""
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    return tuple(map(as_plain, value)) if isinstance(value, (list, tuple)) else plain(value)


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return _WORDS.get(node.id.lower(), node.id)
    return ast.literal_eval(node)


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return repr(tuple(value))
    word = isinstance(value, str) and value.isidentifier() and value.lower() not in _WORDS
    return value if word else repr(value)
