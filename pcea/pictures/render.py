"""Pictures of shapes, with no screen, and with no graphics library either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.errors import InputError, nearest
from pcea.formats import Cloud, Mesh, ShapeLike, as_shape
from pcea.formats.raw import Array
from pcea.pictures import egl, raycast, software
from pcea.pictures.camera import Camera
from pcea.pictures.renderers import Renderer, choose_renderer
from pcea.pictures.scene import Scene, build_scene

Background = Literal["white", "dark", "transparent"]
BACKGROUNDS: dict[Background, tuple[int, int, int] | None] = {
    "white": (255, 255, 255),
    "dark": (24, 26, 30),
    "transparent": None,
}
# A shape that has no colours; both on white and on dark it stands out.
PLAIN = (176, 180, 188)
LARGEST = 4096


def render(
    shape: ShapeLike,
    colors: ArrayLike | Tensor | None = None,
    camera: Camera | None = None,
    size: tuple[int, int] = (800, 800),
    background: Background = "white",
    renderer: Renderer = "auto",
    color_by: Literal["auto", "vertices", "faces"] = "auto",
    point_size: float | None = None,
    shaded: bool = True,
) -> Array:
    """Draw a shape.

    Args:
        shape: a mesh, or a cloud, whose points become small balls, or what else
            :func:`pcea.as_shape` takes; y up.
        colors: uint8 red, green, blue: (V, 3) of a mesh's vertices, (F, 3) of its faces, or
            (N, 3) of a cloud's points. Default: the cloud's own, else grey.
        camera: from where; default: from the front right and somewhat above.
        size: width and height in pixels, 16 to 4096, neither over three times the other.
        background: ``"white"``, ``"dark"`` or ``"transparent"``.
        renderer: ``"egl"`` (Open3D's window), ``"raycast"`` (Open3D without any window),
            ``"software"`` (no Open3D at all) or ``"auto"``, the first of them that works.
        color_by: whose colours they are; ``"auto"`` goes by their number, and takes a mesh with
            as many vertices as faces for coloured by vertex.
        point_size: the radius of a cloud's points, as a share of the shape's; default: the more
            points, the smaller.
        shaded: bring out the form by light; without it every colour is drawn exactly.

    Returns:
        (H, W, 3) uint8, or (H, W, 4) where the background is transparent.

    Raises:
        InputError: an argument is wrong, or the renderer that was named does not work here.
    """
    pictures = render_each(
        shape, [colors], camera, size, background, renderer, color_by, point_size, shaded
    )
    return next(pictures)


def render_each(
    shape: ShapeLike,
    colorings: Sequence[ArrayLike | Tensor | None],
    camera: Camera | None = None,
    size: tuple[int, int] = (800, 800),
    background: Background = "white",
    renderer: Renderer = "auto",
    color_by: Literal["auto", "vertices", "faces"] = "auto",
    point_size: float | None = None,
    shaded: bool = True,
) -> Iterator[Array]:
    """Draw a shape once in each of several colourings, for much less than one by one.

    Args:
        shape: as for :func:`render`.
        colorings: the colours of each picture, all of vertices or all of faces.
        camera: as for :func:`render`, and so on.
        size: width and height of each picture.
        background: what is behind.
        renderer: who draws.
        color_by: whose colours they are.
        point_size: how large points are.
        shaded: bring out the form by light.

    Yields:
        A picture each, as :func:`render` returns them.

    Raises:
        InputError: an argument is wrong, or the renderer that was named does not work here.
    """
    if background not in BACKGROUNDS:
        raise InputError(
            f"no background is called {background!r}{nearest(background, BACKGROUNDS)}"
        )
    shape = as_shape(shape)
    width, height = _checked(size)
    checked = [_colors(shape, each, color_by) for each in colorings]
    if not checked:
        return
    by_face = checked[0][1]
    if any(other != by_face for _, other in checked):
        raise InputError("some of the colours are of vertices and some of faces: draw them apart")
    chosen = choose_renderer(renderer)
    view = camera or Camera()
    scene = build_scene(shape, view, point_size, shaded)
    fine = 3 if max(width, height) <= 640 else 2  # drawn so much larger, for smooth edges
    wide, high = width * fine, height * fine
    behind = BACKGROUNDS[background]
    each_color = (color for color, _ in checked)
    for color, alpha in _drawn(chosen, scene, each_color, by_face, view, wide, high, behind):
        color, alpha = _smaller(color, fine), _smaller(alpha[..., None], fine)
        if behind is None:
            pure = color / np.where(alpha > 0, alpha, 1)
            picture = np.concatenate((pure, 255 * alpha), axis=-1)
        else:
            picture = color + (1 - alpha) * np.array(behind)
        yield np.rint(picture.clip(0, 255)).astype(np.uint8)


def _drawn(
    renderer: Renderer,
    scene: Scene,
    colors: Iterator[Array],
    by_face: bool,
    camera: Camera,
    width: int,
    height: int,
    background: tuple[int, int, int] | None,
) -> Iterator[tuple[Array, Array]]:
    """Give each picture on its background, or without any, and what it covers."""
    if renderer == "egl":
        yield from egl.draw(scene, colors, by_face, camera, width, height, background)
        return
    look = raycast.look if renderer == "raycast" else software.look
    seen = look(scene, camera, width, height)
    for color in colors:
        yield seen.paint(scene, color, by_face, width, height)


def _smaller(picture: Array, fine: int) -> Array:
    """Put the mean of each square of pixels into its place."""
    total = np.zeros_like(picture[::fine, ::fine])
    for row in range(fine):
        for column in range(fine):
            total += picture[row::fine, column::fine]
    return total / fine**2


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    if not (min(size) >= 16 and max(size) <= LARGEST and max(size) <= 3 * min(size)):
        raise InputError(
            f"a picture has 16 to {LARGEST} pixels each way, and at most 3 times as many one way "
            f"as the other, not {width} × {height}"
        )
    return int(width), int(height)


def _colors(
    shape: Mesh | Cloud, colors: ArrayLike | Tensor | None, color_by: str
) -> tuple[Array, bool]:
    """Check colours, and say whether they are of faces."""
    num = len(shape.vertices) if isinstance(shape, Mesh) else len(shape)
    num_faces = len(shape.faces) if isinstance(shape, Mesh) else -1
    wanted = {"auto": (num, num_faces), "vertices": (num,), "faces": (num_faces,)}
    if color_by not in wanted:
        raise InputError(f"colours are by no {color_by!r}{nearest(color_by, wanted)}")
    if colors is None and isinstance(shape, Cloud):
        colors = shape.color
    if colors is None:
        return np.broadcast_to(np.array(PLAIN, np.uint8), (num, 3)), False
    array = colors.detach().cpu().numpy() if isinstance(colors, Tensor) else np.asarray(colors)
    if array.ndim != 2 or array.shape[1] != 3 or len(array) not in wanted[color_by]:
        rows = " or ".join(f"({n}, 3)" for n in wanted[color_by] if n >= 0)
        raise InputError(f"the colours of this shape have the shape {rows}, not {array.shape}")
    if array.dtype != np.uint8:
        raise InputError(f"colours are uint8, 0 to 255, not {array.dtype}")
    return array, color_by == "faces" or (color_by == "auto" and len(array) != num)
