"""Compile loops with numba, and check their inputs."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numba.core import event
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a loop at its first call, to run without the GIL; cache it on disk if possible."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the cache can be written
        return njit(nogil=True)(function)


class Notice(event.Listener):
    """Tells people at a terminal, for as long as loops are compiled, what they wait for."""

    def __init__(self) -> None:
        self.inside = 0  # one compilation begins others

    def on_start(self, _: Any) -> None:
        """Write the line at the first of them."""
        self.inside += 1
        if self.inside == 1 and sys.stderr.isatty():
            sys.stderr.write("\rcompiling for this processor, once: it takes some seconds …")
            sys.stderr.flush()

    def on_end(self, _: Any) -> None:
        """Take the line away after the last of them."""
        self.inside -= 1
        if self.inside == 0 and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


event.register("numba:compile", Notice())


def is_finite(pos: Tensor) -> bool:
    """Tell whether all positions are finite in float32."""
    # Not by torch, which takes longer because it waits for its threads.
    return bool(np.isfinite(pos.detach().float().numpy()).all())
