"""What is tried of a plug-in's entry, how promises are checked, and how they fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from pcea.errors import InputError


class Trial:
    """Something to try, with a method ``test_…`` for each promise that it must hold.

    The first line of the method's docstring is the promise.
    """

    @classmethod
    def promises(cls) -> tuple[Callable[[Any], None], ...]:
        """The methods that check, its own first, in the order in which they are written."""
        names = dict.fromkeys(name for kind in cls.__mro__ for name in vars(kind))
        return tuple(getattr(cls, name) for name in names if name.startswith("test_"))


def run_trials(kind: type[Trial], what: str, /, *given: Any, **options: Any) -> None:
    """Check each promise on a trial of its own, made with what is given.

    A promise that is broken is an AssertionError, which says ``what`` was tried: ``model 'mine'``.
    """
    for promise in kind.promises():
        trial = kind(*given, **options)
        try:
            promise(trial)
        except Exception as error:  # whatever a stranger's code raises
            line = (promise.__doc__ or "").partition("\n")[0]
            why = str(error).strip() or type(error).__name__
            raise AssertionError(f"{what} does not hold: {line} ({why})") from error


def require(holds: bool | Tensor, otherwise: str) -> None:
    """Raise an AssertionError where something does not hold; ``python -O`` skips an ``assert``."""
    if not holds:
        raise AssertionError(otherwise)


@contextmanager
def refused(otherwise: str) -> Iterator[None]:
    """Raise an AssertionError where what is done inside raises no InputError."""
    try:
        yield
    except InputError:
        return
    raise AssertionError(otherwise)
