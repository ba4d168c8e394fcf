"""What a picture shows: the shape in the unit sphere, lit, and found pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.formats.raw import Array
from pcea.pictures.camera import Camera
from pcea.pictures.normals import corner_normals, face_normals
from pcea.pictures.rasterize import draw_balls, draw_triangles, paint
from pcea.pictures.raycast import Renderer, cast_rays, choose_renderer
from pcea.pictures.refine import FineMesh

# In the camera's axes (right, up, back): from above the left shoulder.
LIGHT = np.array([-0.35, 0.5, 1.0]) / np.linalg.norm([-0.35, 0.5, 1.0])
AMBIENT = 0.55
# More points than this hide one another in any picture.
MOST_POINTS = 200_000


@dataclass(frozen=True, eq=False)
class Visible:
    """What each pixel of a large picture shows; it is found once and painted in many colors.

    Args:
        face: (H, W) int32 the triangle or the ball; -1: nothing.
        weight: (H, W, 2) float32 the shares of the triangle's second and third corner.
        light: (H, W) float32 the brightness.
        corner: (F, 3) int64 the vertex or point whose color each corner has.
    """

    face: Array
    weight: Array
    light: Array
    corner: Array

    def paint(self, colors: Array, by_face: bool, fine: int) -> Array:
        """Color the picture.

        Args:
            colors: uint8, (V, 3) of the vertices or points, or (F, 3) of the faces.
            by_face: which of both.
            fine: how many pixels each way become one.

        Returns:
            (H / fine, W / fine, 4) float32: the colors, 0 to 255, multiplied by the share of the
            pixel that the shape covers, and that share.
        """
        corner = self.corner
        if by_face:
            corner = np.arange(len(colors))[:, None].repeat(3, axis=1)
        picture = np.zeros((len(self.face) // fine, self.face.shape[1] // fine, 4), np.float32)
        paint(self.face, self.weight, self.light, corner, np.ascontiguousarray(colors), picture)
        return picture


def find_visible(
    shape: Mesh | Cloud,
    camera: Camera,
    size: tuple[int, int],
    point_size: float | None = None,
    shaded: bool = True,
    renderer: Renderer = "auto",
) -> Visible:
    """Find what each pixel of a picture shows.

    Args:
        shape: y up.
        camera: from where.
        size: width and height in pixels.
        point_size: the radius of a cloud's points, as a share of the bounding sphere's; default:
            as many points need.
        shaded: without it, every color is drawn as it is.
        renderer: who finds the triangles of a mesh.

    Returns:
        What can be seen.

    Raises:
        InputError: there is nothing to draw, or the renderer does not work here.
    """
    width, height = size
    renderer = choose_renderer(renderer)
    near, light = np.zeros((2, height, width), np.float32)
    face = np.full((height, width), -1, np.int32)
    weight = np.zeros((height, width, 2), np.float32)
    if isinstance(shape, Mesh):
        corner = shape.faces.cpu().numpy()
        vertices, _ = _unit_mesh(shape)
        shade = _brightness(shape, vertices, camera)
        if renderer == "raycast":
            cast_rays(vertices, corner, shade, camera, face, weight, light)
        else:
            x, y, distance = camera.project(vertices, width, height)
            corners = np.stack((x, y, 1 / distance), axis=1)[corner]  # (F, 3, 3)
            draw_triangles(corners, shade, near, face, weight, light)
    else:
        middle, source, radius = _unit_cloud(shape, point_size)
        corner = source[:, None].repeat(3, axis=1)
        x, y, distance = camera.project(middle, width, height)
        balls = np.stack((x, y, distance, radius * camera.focal(width, height) / distance), axis=1)
        own = _cloud_normals(shape, source, middle, camera)
        draw_balls(balls, radius, own, LIGHT, AMBIENT, near, face, light)
    if not shaded:
        light = np.ones_like(light)
    return Visible(face, weight, light, corner)


def extent(
    shape: Mesh | Cloud, camera: Camera, point_size: float | None = None
) -> tuple[float, float, float, float]:
    """Say which part of a square picture a shape takes.

    Args:
        shape: y up.
        camera: from where.
        point_size: as for :func:`find_visible`.

    Returns:
        Its left, top, right and bottom, as shares of the picture's width.

    Raises:
        InputError: there is nothing to draw.
    """
    room = 0.0
    if isinstance(shape, Mesh):
        pos, used = _unit_mesh(shape)
        pos = pos[used]
    else:
        pos, _, room = _unit_cloud(shape, point_size)
        room *= camera.focal(1, 1) * camera.margin  # a bit more than the nearest point's
    x, y, _ = camera.project(pos, 1, 1)
    return x.min() - room, y.min() - room, x.max() + room, y.max() + room


def _unit_mesh(mesh: Mesh) -> tuple[Array, Array]:
    """Put the vertices (V, 3) into the unit sphere, and say which ones (V,) a face uses."""
    faces = mesh.faces.cpu().numpy()
    if not len(faces):
        raise InputError(f"{mesh.name or 'the mesh'}: it has no faces, so there is no picture")
    pos = mesh.vertices.detach().cpu().numpy()
    used = np.zeros(len(pos), bool)
    used[faces.ravel()] = True
    center, radius = _bounding_sphere(pos[used])
    vertices = ((pos - center) / radius).astype(np.float32)
    vertices[~used] = 0  # far-off ones must not count
    return vertices, used


def _brightness(mesh: Mesh, vertices: Array, camera: Camera) -> Array:
    """Light the corners of the faces from the side that the camera looks at, (F, 3) float32."""
    faces = mesh.faces.cpu().numpy()
    flat = face_normals(vertices, faces)  # (F, 3)
    if isinstance(mesh, FineMesh):
        normal = mesh.corner_normal.detach().cpu().numpy()  # (F, 3, 3)
    else:
        normal = corner_normals(vertices, faces, flat)
    away = np.einsum("fc,fc->f", flat, camera.eye - vertices[faces[:, 0]]) < 0
    facing = normal @ (LIGHT @ camera.axes).astype(np.float32)  # (F, 3)
    facing[away] *= -1
    return (AMBIENT + (1 - AMBIENT) * facing.clip(0, 1)).astype(np.float32)


def _unit_cloud(cloud: Cloud, point_size: float | None) -> tuple[Array, Array, float]:
    """Put balls into the unit sphere: their middles (N, 3), whose they are (N,), their radius."""
    if not len(cloud):
        raise InputError(f"{cloud.name or 'the cloud'}: it has no points, so there is no picture")
    pos = cloud.pos.detach().cpu().numpy()
    center, radius = _bounding_sphere(pos)
    source = np.arange(len(pos))
    if len(pos) > MOST_POINTS:
        source = np.sort(np.random.default_rng(0).permutation(len(pos))[:MOST_POINTS])
    size = min(max(len(source) ** -0.5, 0.005), 0.1) if point_size is None else point_size
    if not 0 < size <= 1:
        raise InputError(f"a point's size is a share of the shape's, 0 to 1, not {size}")
    return (pos[source] - center) / (radius * (1 + size)), source, size / (1 + size)


def _cloud_normals(cloud: Cloud, source: Array, middle: Array, camera: Camera) -> Array:
    """What the surface's normals add to those of the balls, (N, 3) in the camera's axes."""
    if cloud.normal is None:
        return np.zeros_like(middle)
    normal = cloud.normal.detach().cpu().numpy()[source].astype(np.float64)
    away = np.einsum("nc,nc->n", normal, camera.eye - middle) < 0
    # Of many small balls, the surface's form is to be seen, of few large ones their own.
    share = min(len(source) / 4096, 1.0)
    return (share * np.where(away, -1, 1)[:, None] * normal) @ camera.axes.T


def _bounding_sphere(pos: Array) -> tuple[Array, float]:
    pos = pos.astype(np.float64)
    center = (pos.min(axis=0) + pos.max(axis=0)) / 2
    radius = float(np.sqrt(((pos - center) ** 2).sum(axis=1).max()))
    return center, radius or 1.0
