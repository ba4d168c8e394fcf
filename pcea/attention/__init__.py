"""Attention over the points of a cloud: one file a mechanism, all behind one interface.

Every module of this folder is imported here, so a file that registers a mechanism joins by lying
beside the others.
"""

import importlib
import pkgutil

from pcea.attention.base import (
    Attention,
    MapKind,
    create_attention,
    list_attentions,
    register_attention,
)

__all__ = ["Attention", "MapKind", "create_attention", "list_attentions", "register_attention"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
