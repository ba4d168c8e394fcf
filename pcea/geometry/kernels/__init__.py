"""The inner loops of farthest points and neighbors, compiled: numba on a CPU, Triton on a GPU.

Each gives exactly the indices of the plain torch version beside the operator it serves.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec


@cache
def has_triton() -> bool:
    """Say whether Triton is here, as it is with torch's builds for CUDA on Linux."""
    return find_spec("triton") is not None
