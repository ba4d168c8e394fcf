"""Pictures of shapes, of their parts and of what attention does on them.

from pcea.pictures import Panel, one, save
save(one(Panel(mesh, values)), "chair.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pcea.pictures.camera import Camera
from pcea.pictures.colormap import COLORMAPS, colors_of, limits, values_of
from pcea.pictures.figures import gallery, grid, one
from pcea.pictures.palette import part_colors
from pcea.pictures.panels import Panel, Style
from pcea.pictures.render import BACKGROUNDS, render, render_each
from pcea.pictures.turntable import turntable

if TYPE_CHECKING:
    from pcea.pictures.explained import save_explanation
    from pcea.pictures.shown import save

__all__ = [
    "BACKGROUNDS",
    "COLORMAPS",
    "Camera",
    "Panel",
    "Style",
    "colors_of",
    "gallery",
    "grid",
    "limits",
    "one",
    "part_colors",
    "render",
    "render_each",
    "save",
    "save_explanation",
    "turntable",
    "values_of",
]


def __getattr__(name: str) -> Any:
    """Import what needs matplotlib when it is first asked for."""
    if name == "save":
        from pcea.pictures.shown import save

        return save
    if name == "save_explanation":
        from pcea.pictures.explained import save_explanation

        return save_explanation
    raise AttributeError(f"module 'pcea.pictures' has no attribute {name!r}")
