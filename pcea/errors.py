"""The errors that a user can cause, the check of arguments, and hints for misspelled names."""

import difflib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

F = TypeVar("F", bound=Callable[..., Any])
GREATEST = sys.float_info.max


class InputError(ValueError):
    """The call or its input is wrong.

    The message is one line: what is wrong, where, and what to do. The command line prints it on
    stderr and leaves with exit status 2.
    """


class WrongOption(InputError):
    """An option is wrong for every file, so that the next file need not be tried.

    The message begins with the name of the option.
    """


def nearest(name: Any, known: Iterable[str]) -> str:
    """Suggest the closest known names, as ``" (did you mean 'a' or 'b'?)"``, or else list all."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    if close:
        return f" (did you mean {' or '.join(repr(n) for n in close)}?)"
    return f" (known: {', '.join(names)})"


def checked(**bounds: float | tuple[float, float]) -> Callable[[F], F]:
    """Decorate a function or a class so that arguments which do not fit their annotations raise.

    The error is that of :func:`require`. Defaults are not checked. A number of NumPy or PyTorch
    reaches the function as one of Python's own.

    Args:
        bounds: for an argument its least value, or its least and its greatest.
    """
    limits = {name: each if isinstance(each, tuple) else (each,) for name, each in bounds.items()}

    def decorate(function: F) -> F:
        if isinstance(function, type):
            function.__init__ = decorate(function.__init__)  # type: ignore[misc]
            return function
        names = list(inspect.signature(function).parameters)
        # Annotations are evaluated at the first call, when all modules are loaded.
        kinds = cache(lambda: get_type_hints(function))

        def own(name: str, value: Any) -> Any:
            kind = kinds().get(name, Any)
            require(name, value, kind, *limits.get(name, ()))
            numbers = any(each in _NUMBERS for each in (kind, *get_args(kind)))
            return plain(value) if numbers else value

        @wraps(function)
        def call(*args: Any, **keywords: Any) -> Any:
            args = (*map(own, names, args), *args[len(names) :])
            return function(*args, **{name: own(name, value) for name, value in keywords.items()})

        return cast(F, call)

    return decorate


def require(
    name: str, value: Any, kind: Any, least: float = -GREATEST, most: float = GREATEST
) -> None:
    """Raise an InputError where a value does not fit a type, written as in annotations.

    Numbers must be finite and within the bounds, or infinite if a bound is; True and False are no
    numbers. Lists and tuples are checked item by item. Any value fits a protocol.
    """
    if not _fits(value, kind, least, most):
        text = repr(value)
        given = text if len(text) <= 60 and "\n" not in text else f"of type {type(value).__name__}"
        raise InputError(f"{name} is {given}; it must be {_words(kind, least, most)}")


def plain(value: Any) -> Any:
    """Turn a single number of NumPy or PyTorch into one of Python's own; keep any other value."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _fits(value: Any, kind: Any, least: float, most: float) -> bool:
    origin, args = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, each, least, most) for each in args)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin in _NUMBERS:
        value, own = plain(value), (int, float) if origin is float else origin
        if not isinstance(value, own) or (isinstance(value, bool) and origin is not bool):
            return False
        return bool(least <= value <= most)
    if origin in _LISTS:
        needed = "__iter__" if origin is Iterable else "__getitem__"
        if not hasattr(value, needed) or isinstance(value, (str, bytes, Mapping)):
            return False
        if origin is tuple and Ellipsis not in args and len(value) != len(args):
            return False
        items = value if args and isinstance(value, (list, tuple)) else ()
        return all(_fits(each, args[0], least, most) for each in items)
    if origin is Mapping and isinstance(value, Mapping):
        return not args or all(_fits(each, args[0], least, most) for each in value)
    if kind is Any or not isinstance(origin, type):
        return True
    value = getattr(value, "_orig_mod", value)  # torch.compile wraps a module without its type
    try:
        return isinstance(value, os.PathLike if origin is Path else origin)
    except TypeError:
        return True


def _words(kind: Any, least: float, most: float, many: bool = False) -> str:
    origin, args = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        kinds = [each for each in args if each is not NoneType]
        return " or ".join(_words(each, least, most, many) for each in kinds)
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin in _LISTS:
        listed = f"of {_words(args[0], least, most, many=True)}"
        return f"lists {listed}" if many else f"a list {listed}"
    if origin not in _KINDS:
        return f"{origin.__name__} objects" if many else f"of type {origin.__name__}"
    words, bounds = _KINDS[origin][many], ", each" if many else ""
    if origin not in (int, float) or least == -GREATEST:
        return words
    if most >= GREATEST:
        words = words if most == GREATEST else words.replace("finite ", "")
        return f"{words}{bounds} of at least {least:,}"
    return f"{words}{bounds} from {least:,} to {most:,}"


_NUMBERS = (int, float, bool)
_LISTS = (tuple, list, Sequence, Iterable)
_KINDS: Mapping[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a finite number", "finite numbers"),
    bool: ("true or false", "true or false"),
    str: ("text", "names"),
    Path: ("a path", "paths"),
    os.PathLike: ("a path", "paths"),
    Mapping: ("a mapping of names to values", "mappings"),
}
