"""Triangles into pixels by Open3D's ray caster, which needs no graphics driver and no screen."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pcea.errors import InputError, nearest
from pcea.formats.open3d import import_open3d
from pcea.formats.raw import Array
from pcea.pictures.camera import Camera

Renderer = Literal["auto", "raycast", "software"]
RENDERERS: tuple[Renderer, ...] = ("auto", "raycast", "software")


def choose_renderer(renderer: Renderer = "auto") -> Renderer:
    """Say which renderer finds the triangles of meshes.

    Args:
        renderer: one of :data:`RENDERERS`; ``"auto"`` is the faster one, ``"software"``.

    Raises:
        InputError: it does not work here, or there is none of that name.
    """
    if renderer not in RENDERERS:
        raise InputError(f"no renderer is called {renderer!r}{nearest(renderer, RENDERERS)}")
    if renderer != "raycast":
        return "software"
    try:
        import_open3d()
    except InputError as error:
        raise InputError(
            f"the renderer 'raycast' does not work here: {error}; take 'auto'"
        ) from error
    return renderer


def cast_rays(
    vertices: Array,
    faces: Array,
    shade: Array,
    camera: Camera,
    face: Array,
    weight: Array,
    light: Array,
) -> None:
    """Find the first triangle that the ray through the middle of each pixel meets.

    It fills what :func:`pcea.pictures.rasterize.draw_triangles` fills. The vertices (V, 3) lie in
    the unit sphere.
    """
    o3d = import_open3d()
    caster = o3d.t.geometry.RaycastingScene()
    caster.add_triangles(o3d.core.Tensor(vertices), o3d.core.Tensor(faces.astype(np.uint32)))
    height, width = face.shape
    x, y, _ = camera.project(vertices, width, height)
    columns = slice(max(int(x.min()), 0), int(x.max()) + 1)  # no ray passes beside the shape
    rows = slice(max(int(y.min()), 0), int(y.max()) + 1)
    right, up, back = camera.axes.astype(np.float32)
    focal = camera.focal(width, height)
    across = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / focal)[columns]
    above = ((height / 2 - np.arange(height, dtype=np.float32) - 0.5) / focal)[rows]
    rays = np.empty((len(above), len(across), 6), np.float32)
    rays[..., :3] = camera.eye
    rays[..., 3:] = across[:, None] * right - back + above[:, None, None] * up
    met = caster.cast_rays(o3d.core.Tensor(rays))
    # The number that stands for no triangle, 2³² − 1, is -1 in int32.
    face[rows, columns] = met["primitive_ids"].numpy().astype(np.int32)
    weight[rows, columns] = met["primitive_uvs"].numpy()
    hit = face >= 0
    corner = shade[face[hit]]
    light[hit] = corner[:, 0] + ((corner[:, 1:] - corner[:, :1]) * weight[hit]).sum(axis=1)
