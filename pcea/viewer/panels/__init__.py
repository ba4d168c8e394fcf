"""What the colors of a shape can mean: one file per panel, all behind one interface.

Every module of this folder is imported here, so a file that registers a panel joins by lying beside
the others: the live page, the page on disk and the notebook offer it then.
"""

from __future__ import annotations

import importlib
import pkgutil

from pcea.viewer.panels.base import PANELS, Columns, Panel, Parts, register_panel

__all__ = ["PANELS", "Columns", "Panel", "Parts", "register_panel"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
