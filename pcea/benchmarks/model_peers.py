"""Other packages' classifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

PEERS: Mapping[str, Callable[[], nn.Module]] = {}
