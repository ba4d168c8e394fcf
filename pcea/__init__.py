"""pcea: point clouds and external attention."""

from __future__ import annotations

from pcea.version import __version__

__all__ = ["__version__"]
