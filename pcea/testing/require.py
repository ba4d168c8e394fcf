"""How a check fails."""

from __future__ import annotations

from torch import Tensor


def require(holds: bool | Tensor, otherwise: str) -> None:
    """Raise an AssertionError where something does not hold; ``python -O`` skips an ``assert``."""
    if not holds:
        raise AssertionError(otherwise)
