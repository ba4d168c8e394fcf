"""How a check fails."""

from __future__ import annotations

from torch import Tensor


def require(holds: bool | Tensor, otherwise: str) -> None:
    """Fail where something does not hold; unlike ``assert``, under ``python -O`` too.

    Args:
        holds: what must be true, a bool or a tensor of one.
        otherwise: what to say where it is not.

    Raises:
        AssertionError: it does not hold.
    """
    if not holds:
        raise AssertionError(otherwise)
