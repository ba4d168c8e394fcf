"""Open3D's window, which nobody sees: through EGL, it needs no display."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.open3d import import_open3d
from pcea.formats.raw import Array
from pcea.pictures.camera import Camera
from pcea.pictures.scene import Scene


def draw(
    scene: Scene,
    colors: Iterable[Array],
    by_face: bool,
    camera: Camera,
    width: int,
    height: int,
    background: tuple[int, int, int] | None,
) -> Iterator[tuple[Array, Array]]:
    """Draw a scene, once in each of several colourings.

    Args:
        scene: the triangles.
        colors: of each picture, (V, 3) or (F, 3) uint8.
        by_face: which of both.
        camera: from where.
        width: of a picture, in pixels.
        height: of it, too.
        background: red, green, blue, 0 to 255; none: transparent.

    Yields:
        The colours (height, width, 3) float32, 0 to 255, on the background or multiplied by what
        they cover, and what they cover, (height, width) float32, 0 to 1.

    Raises:
        InputError: Open3D or a library that it needs is missing, or there is no EGL.
    """
    o3d = import_open3d()
    mesh = o3d.geometry.TriangleMesh()
    mesh.vertices = o3d.utility.Vector3dVector(
        scene.vertices[scene.faces].reshape(-1, 3).astype(np.float64)
    )
    corners = np.arange(3 * len(scene.faces), dtype=np.int32).reshape(-1, 3)
    mesh.triangles = o3d.utility.Vector3iVector(corners)
    view = o3d.camera.PinholeCameraParameters()
    focal = camera.focal(width, height)
    view.intrinsic = o3d.camera.PinholeCameraIntrinsic(
        width, height, focal, focal, width / 2 - 0.5, height / 2 - 0.5
    )
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = camera.axes * [[1], [-1], [-1]]  # right, down, forward
    extrinsic[:3, 3] = -extrinsic[:3, :3] @ camera.eye
    view.extrinsic = extrinsic
    with window(width, height) as visualizer:
        if visualizer is None:
            raise InputError(NO_EGL)
        for index, color in enumerate(colors):
            lit = scene.corner_colors(color, by_face, slice(None)) * scene.shade[..., None]
            mesh.vertex_colors = o3d.utility.Vector3dVector(
                lit.reshape(-1, 3).astype(np.float64) / 255
            )
            if index == 0:
                visualizer.add_geometry(mesh)
                # Neither may outlive the window: the next one would be white.
                option, control = visualizer.get_render_option(), visualizer.get_view_control()
                option.light_on = False
                option.mesh_show_back_face = True
                control.convert_from_pinhole_camera_parameters(view, allow_arbitrary=True)
                del option, control
            else:
                visualizer.update_geometry(mesh)
            if background is not None:
                picture = _capture(visualizer, background)
                yield picture, np.ones((height, width), np.float32)
            else:  # what differs between black and white is not covered
                picture = _capture(visualizer, (0, 0, 0))
                bare = _capture(visualizer, (255, 255, 255)) - picture
                yield picture, 1 - bare.mean(axis=-1) / 255


NO_EGL = "Open3D opens no window through EGL (is a driver such as Mesa's libEGL installed?)"


@contextmanager
def window(width: int, height: int) -> Iterator[Any]:
    """Open a window that is not shown, or say by None that there can be none."""
    o3d = import_open3d()
    # Torch loads Triton when it first wants to. After Mesa's driver, which brings another LLVM,
    # that ends the process; before it, both work.
    with suppress(ImportError):
        importlib.import_module("triton")
    quiet = o3d.utility.VerbosityContextManager(o3d.utility.VerbosityLevel.Error)
    with quiet, _runtime_folder():
        visualizer = o3d.visualization.Visualizer()
        opened = visualizer.create_window(width=width, height=height, visible=False)
        try:
            yield visualizer if opened else None
        finally:
            if opened:
                visualizer.destroy_window()


@contextmanager
def _runtime_folder() -> Iterator[None]:
    """Name a folder to the graphics libraries that complain of having none."""
    if "XDG_RUNTIME_DIR" in os.environ:
        yield
        return
    os.environ["XDG_RUNTIME_DIR"] = tempfile.gettempdir()
    try:
        yield
    finally:
        os.environ.pop("XDG_RUNTIME_DIR", None)


def _capture(visualizer: Any, background: tuple[int, int, int]) -> Array:
    visualizer.get_render_option().background_color = np.array(background) / 255
    buffer = visualizer.capture_screen_float_buffer(do_render=True)
    return np.asarray(buffer, dtype=np.float32) * 255
