"""What the colors of a shape can mean: one file per panel, all behind one interface."""

import importlib
import pkgutil

from pcea.viewer.panels.base import PANELS, Columns, Panel, Parts, register_panel

__all__ = ["PANELS", "Columns", "Panel", "Parts", "register_panel"]

# A file that registers a panel joins by lying beside the others.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
