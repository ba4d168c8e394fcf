"""Pictures of shapes, with no screen and no graphics library."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.defaults import Background, Renderer
from pcea.errors import InputError, checked
from pcea.formats import Cloud, Mesh, ShapeLike, as_shape
from pcea.formats.raw import Array
from pcea.pictures.camera import Camera
from pcea.pictures.scene import NO_TABLE, Coloring, Scene

ColorBy = Literal["auto", "vertices", "faces"]
# The color of a shape without colors, which stands out on white and on dark.
PLAIN = (176, 180, 188)
LARGEST = 4096


@checked()
def render(
    shape: ShapeLike,
    colors: ArrayLike | Tensor | None = None,
    camera: Camera | None = None,
    size: tuple[int, int] = (800, 800),
    background: Background = "white",
    renderer: Renderer = "auto",
    color_by: ColorBy = "auto",
    point_size: float | None = None,
    shaded: bool = True,
) -> Array:
    """Draw a shape.

    Args:
        shape: a mesh, or a cloud, whose points become small balls, or anything else that
            :func:`pcea.as_shape` takes; y up.
        colors: uint8 red, green, blue: (V, 3) of a mesh's vertices, (F, 3) of its faces, or
            (N, 3) of a cloud's points. Default: the cloud's own, else gray.
        camera: the view. Default: from the front right and slightly above.
        size: width and height in pixels, 16 to 4096, neither over three times the other.
        background: ``"white"``, ``"dark"`` or ``"transparent"``.
        renderer: what rasterizes a mesh: ``"raycast"`` (Open3D's ray caster),
            ``"software"`` (a compiled loop) or ``"auto"``, the faster one. Both find the same.
        color_by: whether colors are of vertices or of faces. ``"auto"`` decides by their number;
            if a mesh has as many vertices as faces, they are of vertices.
        point_size: the radius of a cloud's points, as a share of the shape's. Default: the more
            points, the smaller.
        shaded: whether to light the shape; without light, every color is drawn exactly.

    Returns:
        (H, W, 3) uint8, or (H, W, 4) where the background is transparent.

    Raises:
        InputError: an argument is wrong, or the renderer does not work here.
    """
    options = background, renderer, color_by, point_size, shaded
    return next(render_each(shape, [colors], camera, size, *options))


def render_each(
    shape: ShapeLike,
    colorings: Sequence[ArrayLike | Tensor | None],
    camera: Camera | None = None,
    size: tuple[int, int] = (800, 800),
    background: Background = "white",
    renderer: Renderer = "auto",
    color_by: ColorBy = "auto",
    point_size: float | None = None,
    shaded: bool = True,
) -> Iterator[Array]:
    """Draw a shape in each of several colorings, much faster than one by one.

    The other arguments, the pictures and the errors are those of :func:`render`.
    """
    if not (min(size) >= 16 and max(size) <= LARGEST and max(size) <= 3 * min(size)):
        raise InputError(
            f"a picture has 16 to {LARGEST} pixels each way, and at most 3 times as many one way "
            f"as the other, not {size[0]} × {size[1]}"
        )
    shape = as_shape(shape)
    checked = [coloring(shape, each, color_by) for each in colorings]
    scene = Scene(shape, camera or Camera(), point_size)
    yield from scene.draw(checked, size, background, renderer, shaded)


@checked()
def coloring(
    shape: Mesh | Cloud, colors: ArrayLike | Tensor | None, color_by: ColorBy = "auto"
) -> Coloring:
    """Check colors, and find out whether they are of faces."""
    num = len(shape.vertices) if isinstance(shape, Mesh) else len(shape)
    num_faces = len(shape.faces) if isinstance(shape, Mesh) else -1
    wanted = {"auto": (num, num_faces), "vertices": (num,), "faces": (num_faces,)}
    if colors is None and isinstance(shape, Cloud):
        colors = shape.color
    if colors is None:
        return np.broadcast_to(np.array(PLAIN, np.uint8), (num, 3)), False, NO_TABLE
    array = colors.detach().cpu().numpy() if isinstance(colors, Tensor) else np.asarray(colors)
    if array.ndim != 2 or array.shape[1] != 3 or len(array) not in wanted[color_by]:
        rows = " or ".join(f"({n}, 3)" for n in wanted[color_by] if n >= 0)
        raise InputError(f"the colors of this shape have the shape {rows}, not {array.shape}")
    if array.dtype != np.uint8:
        raise InputError(f"colors are uint8, 0 to 255, not {array.dtype}")
    return array, color_by == "faces" or (color_by == "auto" and len(array) != num), NO_TABLE
