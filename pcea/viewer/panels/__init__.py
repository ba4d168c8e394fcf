"""What the colors of a shape can mean: one file per panel, all behind one interface."""

from pcea.registry import import_modules
from pcea.viewer.panels.base import PANELS, Columns, Panel, Parts, register_panel

__all__ = ["PANELS", "Columns", "Panel", "Parts", "register_panel"]

# A file that registers a panel joins by lying beside the others.
import_modules(__name__, __path__)
