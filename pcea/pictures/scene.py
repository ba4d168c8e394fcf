"""A shape in front of a camera, and the pictures of it."""

from collections.abc import Iterable, Iterator
from typing import get_args

import numpy as np

from pcea.defaults import Background, Renderer
from pcea.errors import InputError, checked
from pcea.formats import Cloud, Mesh
from pcea.formats.open3d import import_open3d
from pcea.formats.raw import Array
from pcea.pictures.camera import Camera
from pcea.pictures.normals import corner_normals
from pcea.pictures.rasterize import AMBIENT, LIGHT, draw_balls, draw_triangles, paint
from pcea.pictures.refine import FineMesh

RENDERERS: tuple[Renderer, ...] = get_args(Renderer)
BACKGROUNDS: dict[Background, tuple[int, int, int] | None] = {
    "white": (255, 255, 255),
    "dark": (24, 26, 30),
    "transparent": None,
}
# Larger clouds are thinned out, since more points would hide one another.
MOST_POINTS = 200_000
# Values, whether they are of faces rather than of vertices or points, and the table of a color map.
# Without a table the values are colors, 0 to 255, or else positions in the map, 0 to 1 or NaN.
Coloring = tuple[Array, bool, Array]
NO_TABLE = np.zeros((0, 3), np.uint8)


@checked()
def choose_renderer(renderer: Renderer = "auto") -> Renderer:
    """Choose the renderer that rasterizes meshes.

    Args:
        renderer: one of :data:`RENDERERS`; ``"auto"`` is the faster one, ``"software"``.

    Raises:
        InputError: it does not work here, or there is none of that name.
    """
    if renderer != "raycast":
        return "software"
    try:
        import_open3d()
    except InputError as error:
        reason = f"the renderer 'raycast' does not work here: {error}; take 'auto'"
        raise InputError(reason) from error
    return renderer


class Scene:
    """A shape in the unit sphere in front of a camera: its triangles, or a ball for each point.

    The arguments are those of :func:`pcea.pictures.render`. An InputError says that there is
    nothing to draw, or that the size of the points is out of range.
    """

    def __init__(
        self, shape: Mesh | Cloud, camera: Camera, point_size: float | None = None
    ) -> None:
        self.shape, self.camera, self._radius = shape, camera, 0.0
        # The vertices that give each triangle its colors; for a ball, its point three times.
        self._corner: Array
        if isinstance(shape, Mesh):
            pos, self._corner = shape.vertices.detach().cpu().numpy(), shape.faces.cpu().numpy()
            if not len(self._corner):
                raise InputError(f"{shape.name or 'the mesh'}: without faces there is no picture")
            used = np.zeros(len(pos), bool)
            used[self._corner.ravel()] = True
            pos = np.where(used[:, None], pos, pos[self._corner[0, 0]])  # only vertices of faces
        else:
            if not len(shape):
                raise InputError(f"{shape.name or 'the cloud'}: without points there is no picture")
            some = np.arange(len(shape))
            if len(some) > MOST_POINTS:
                some = np.sort(np.random.default_rng(0).permutation(some)[:MOST_POINTS])
            pos, self._corner = shape.pos.detach().cpu().numpy()[some], np.stack([some] * 3, axis=1)
            size = min(max(len(some) ** -0.5, 0.005), 0.1) if point_size is None else point_size
            if not 0 < size <= 1:
                raise InputError(f"a point's size is a share of the shape's, 0 to 1, not {size}")
            self._radius = size / (1 + size)
        pos = pos.astype(np.float64)
        self._center = (pos.min(axis=0) + pos.max(axis=0)) / 2
        reach = float(np.linalg.norm(pos - self._center, axis=1).max()) or 1.0
        self._scale = (1 - self._radius) / reach
        self._pos = ((pos - self._center) * self._scale).astype(np.float32)

    def extent(self) -> tuple[float, float, float, float]:
        """Compute which part of a square picture the shape covers: left, top, right, bottom."""
        x, y, _ = self.camera.project(self._pos, 1, 1)
        room = self._radius * self.camera.focal(1, 1) * self.camera.margin  # of the nearest ball
        return x.min() - room, y.min() - room, x.max() + room, y.max() + room

    def locate(self, place: Array) -> tuple[float, float]:
        """Compute where a place (3,) of the shape is in a square picture: x and y, 0 to 1."""
        x, y, _ = self.camera.project((place[None] - self._center) * self._scale, 1, 1)
        return float(x[0]), float(y[0])

    def draw(
        self,
        colorings: Iterable[Coloring],
        size: tuple[int, int],
        background: Background,
        renderer: Renderer,
        shaded: bool = True,
    ) -> Iterator[Array]:
        """Draw one picture for each coloring; the shape is rasterized only once.

        The other arguments, the pictures and the errors are those of :func:`render`.
        """
        behind = BACKGROUNDS[background]
        fine = 3 if max(size) <= 640 else 2  # drawn larger by this factor, for smooth edges
        face, weight, light = self._find(fine * size[0], fine * size[1], choose_renderer(renderer))
        if not shaded:
            light[:] = 1
        for values, by_face, table in colorings:
            picture = np.zeros((size[1], size[0], 4), np.float32)
            corner = np.stack([np.arange(len(values))] * 3, axis=1) if by_face else self._corner
            values = np.ascontiguousarray(values, np.float32)
            paint(face, weight, light, corner, values, table, picture)
            color, alpha = picture[..., :3], picture[..., 3:]
            if behind is None:
                color /= np.where(alpha > 0, alpha, 1)
                alpha *= 255
            else:
                picture = color + (1 - alpha) * np.array(behind, np.float32)
            yield np.rint(picture.clip(0, 255)).astype(np.uint8)

    def _find(self, width: int, height: int, renderer: Renderer) -> tuple[Array, Array, Array]:
        """Compute the arrays face, weight and light of :mod:`pcea.pictures.rasterize`."""
        face, weight = np.full((height, width), -1, np.int32), np.zeros((height, width, 2), "f4")
        near, light = np.zeros((2, height, width), np.float32)
        x, y, distance = self.camera.project(self._pos, width, height)
        if isinstance(self.shape, Cloud):
            radius = self._radius * self.camera.focal(width, height) / distance
            balls, normal = np.stack((x, y, distance, radius), axis=1), self._normals(self.shape)
            draw_balls(balls, self._radius, normal, near, face, light)
            return face, weight, light
        shade = self._brightness(self.shape)
        if renderer == "raycast":
            self._cast_rays(shade, face, weight, light)
        else:
            corners = np.stack((x, y, 1 / distance), axis=1)[self._corner]  # (F, 3, 3)
            draw_triangles(corners, shade, near, face, weight, light)
        return face, weight, light

    def _brightness(self, mesh: Mesh) -> Array:
        """Compute how bright the corners of the faces look to the camera, (F, 3) float32."""
        if isinstance(mesh, FineMesh) and mesh.normal is not None:
            normal = mesh.normal.cpu().numpy()[self._corner]  # (F, 3, 3)
        else:
            normal = corner_normals(self._pos, self._corner)
        a, b, c = (self._pos[self._corner[:, k]] for k in range(3))
        eye, light = (each.astype("f4") for each in (self.camera.eye, LIGHT @ self.camera.axes))
        away = np.einsum("fc,fc->f", np.cross(b - a, c - a), eye - a) < 0
        facing = normal @ light  # (F, 3)
        facing[away] *= -1
        return (AMBIENT + (1 - AMBIENT) * facing.clip(0, 1)).astype(np.float32)

    def _normals(self, cloud: Cloud) -> Array:
        """Compute what is added to the normals of the balls, (N, 3) in the camera's axes."""
        if cloud.normal is None:
            return np.zeros((len(self._pos), 3))
        normal = cloud.normal.detach().cpu().double().numpy()[self._corner[:, 0]]
        away = (normal * (self.camera.eye - self._pos)).sum(axis=1) < 0
        # Many small balls are shaded like the surface, few large ones like balls.
        share = min(len(normal) / 4096, 1.0)
        return share * np.where(away, -1, 1)[:, None] * normal @ self.camera.axes.T

    def _cast_rays(self, shade: Array, face: Array, weight: Array, light: Array) -> None:
        """Find the first triangle that the ray through each pixel's center meets, with Open3D."""
        o3d = import_open3d()
        caster = o3d.t.geometry.RaycastingScene()
        caster.add_triangles(self._pos, self._corner.astype(np.uint32))
        height, width = face.shape
        x, y, _ = self.camera.project(self._pos, width, height)
        left, top = max(int(x.min()), 0), max(int(y.min()), 0)  # only rays around the shape
        own = slice(top, int(y.max()) + 1), slice(left, int(x.max()) + 1)
        focal, outer = self.camera.focal(width, height), np.eye(4)
        inner = np.array([[focal, 0, width / 2 - left], [0, focal, height / 2 - top], [0, 0, 1]])
        outer[:3, :3] = self.camera.axes * [[1], [-1], [-1]]  # Open3D's axes: right, down, ahead
        outer[:3, 3] = -outer[:3, :3] @ self.camera.eye
        size = face[own].shape[::-1]
        met = caster.cast_rays(caster.create_rays_pinhole(inner, outer, *size))
        # The number that stands for no triangle, 2³² − 1, is -1 in int32.
        face[own] = met["primitive_ids"].numpy().astype(np.int32)
        weight[own] = met["primitive_uvs"].numpy()
        hit = face >= 0
        corner = shade[face[hit]]
        light[hit] = corner[:, 0] + ((corner[:, 1:] - corner[:, :1]) * weight[hit]).sum(axis=1)
