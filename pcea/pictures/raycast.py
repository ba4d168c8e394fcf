"""A ray for each pixel, by Open3D's ray caster: needs no graphics library."""

from __future__ import annotations

import numpy as np

from pcea.formats.open3d import import_open3d
from pcea.pictures.camera import Camera
from pcea.pictures.scene import Scene
from pcea.pictures.visible import Visible


def look(scene: Scene, camera: Camera, width: int, height: int) -> Visible:
    """Find what each pixel sees.

    Args:
        scene: the triangles.
        camera: from where.
        width: of the picture, in pixels.
        height: of it, too.

    Returns:
        What can be seen.

    Raises:
        InputError: Open3D or a library that it needs is missing.
    """
    o3d = import_open3d()
    caster = o3d.t.geometry.RaycastingScene()
    caster.add_triangles(
        o3d.core.Tensor(scene.vertices), o3d.core.Tensor(scene.faces.astype(np.uint32))
    )
    right, up, back = camera.axes
    focal = camera.focal(width, height)
    x = (np.arange(width) + 0.5 - width / 2) / focal
    y = (height / 2 - np.arange(height) - 0.5) / focal
    rays = np.empty((height, width, 6), np.float32)
    rays[..., :3] = camera.eye
    rays[..., 3:] = x[None, :, None] * right + y[:, None, None] * up - back
    found = caster.cast_rays(o3d.core.Tensor(rays.reshape(-1, 6)))
    face = found["primitive_ids"].numpy()
    pixel = np.flatnonzero(face != caster.INVALID_ID)
    share = found["primitive_uvs"].numpy()[pixel]  # (P, 2), of the second and the third corner
    weight = np.column_stack((1 - share.sum(axis=1), share))
    return Visible(pixel, face[pixel].astype(np.int64), weight)
