"""Pictures of shapes, of their parts and of what attention does on them.

from pcea.pictures import Panel, one, save
save(one(Panel(mesh, values)), "chair.png")
"""

from pcea.pictures.camera import Camera
from pcea.pictures.colormaps import COLORMAPS, colors_of, limits, values_of
from pcea.pictures.explained import save_explanation
from pcea.pictures.figures import Panel, Style, gallery, grid, one
from pcea.pictures.files import save
from pcea.pictures.open3d import to_open3d
from pcea.pictures.palette import part_colors
from pcea.pictures.render import render, render_each
from pcea.pictures.scene import BACKGROUNDS, RENDERERS, choose_renderer
from pcea.pictures.turntable import turntable

__all__ = [
    "BACKGROUNDS",
    "COLORMAPS",
    "RENDERERS",
    "Camera",
    "Panel",
    "Style",
    "choose_renderer",
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
    "to_open3d",
    "turntable",
    "values_of",
]
