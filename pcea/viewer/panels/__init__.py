"""What the colors of a shape can show: one file per panel."""

from pcea.registry import import_modules
from pcea.viewer.panels.base import PANELS, Columns, Panel, Parts, register_panel

__all__ = ["PANELS", "Columns", "Panel", "Parts", "register_panel"]

# Every file of this folder is imported, and may register a panel.
import_modules(__name__, __path__)
