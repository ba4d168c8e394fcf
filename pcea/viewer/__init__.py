"""Shapes, and what models predict of them, on a served page, on disk or in a notebook."""

from pcea.viewer.document import export_html
from pcea.viewer.notebook import ShapePage, show
from pcea.viewer.panels import Columns, Panel, Parts, register_panel
from pcea.viewer.study import Study

__all__ = [
    "Columns",
    "Panel",
    "Parts",
    "ShapePage",
    "Study",
    "export_html",
    "register_panel",
    "show",
]
