"""How checks are run, and how they fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor


def require(holds: bool | Tensor, otherwise: str) -> None:
    """Raise an AssertionError where something does not hold; ``python -O`` skips an ``assert``."""
    if not holds:
        raise AssertionError(otherwise)


def run_check(check: Callable[[Any], None], trial: Any, what: str) -> None:
    """Run a check on a trial; what it raises becomes an AssertionError that says what was checked.

    Args:
        check: the first line of its docstring says what must hold.
        trial: what it is given.
        what: kind and name of what is checked, such as ``model 'mine'``.

    Raises:
        AssertionError: it does not hold.
    """
    try:
        check(trial)
    except Exception as error:  # whatever a stranger's code raises
        promise = (check.__doc__ or "").partition("\n")[0]
        why = str(error).strip() or type(error).__name__
        raise AssertionError(f"{what} does not hold: {promise} ({why})") from error
