"""Attention over the points of a cloud: one file per mechanism, all behind one interface.

Every module of this folder is imported here, so a new file only has to register its mechanism.
"""

from pcea.attention.base import (
    Attention,
    MapKind,
    create_attention,
    list_attentions,
    register_attention,
)
from pcea.registry import import_modules

__all__ = ["Attention", "MapKind", "create_attention", "list_attentions", "register_attention"]

import_modules(__name__, __path__)
