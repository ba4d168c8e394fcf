"""Run checks on an entry of a plug-in, and report those that fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from pcea.errors import InputError


class Trial:
    """An entry to check, with a method ``test_…`` for each promise that it must keep.

    The first line of the method's docstring is the promise.
    """

    @classmethod
    def promises(cls) -> tuple[Callable[[Any], None], ...]:
        """List the methods that check: first those of this class, in the order of the code."""
        names = dict.fromkeys(name for kind in cls.__mro__ for name in vars(kind))
        return tuple(getattr(cls, name) for name in names if name.startswith("test_"))


def run_trials(kind: type[Trial], what: str, /, *given: Any, **options: Any) -> None:
    """Check each promise on a new trial, which is made with the further arguments.

    A broken promise raises an AssertionError that names ``what`` was checked: ``model 'mine'``.
    """
    for promise in kind.promises():
        trial = kind(*given, **options)
        try:
            promise(trial)
        except Exception as error:  # the code of a plug-in may raise anything
            line = (promise.__doc__ or "").partition("\n")[0]
            why = str(error).strip() or type(error).__name__
            raise AssertionError(f"{what} breaks a promise: {line} ({why})") from error


def require(holds: bool | Tensor, otherwise: str) -> None:
    """Raise an AssertionError if something is false, unlike ``assert`` also with ``python -O``."""
    if not holds:
        raise AssertionError(otherwise)


@contextmanager
def refused(otherwise: str) -> Iterator[None]:
    """Raise an AssertionError if the code inside raises no InputError."""
    try:
        yield
    except InputError:
        return
    raise AssertionError(otherwise)
