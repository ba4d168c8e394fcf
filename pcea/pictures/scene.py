"""What is drawn: triangles in the unit sphere, and how bright each of their corners is.

The brightness is worked out here once and not by a renderer, so that all renderers draw the same
picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.formats.raw import Array
from pcea.pictures.camera import Camera
from pcea.pictures.normals import corner_normals, face_normals
from pcea.pictures.refine import FineMesh

# In the camera's axes (right, up, back): from above the left shoulder.
LIGHT = np.array([-0.35, 0.5, 1.0]) / np.linalg.norm([-0.35, 0.5, 1.0])
AMBIENT = 0.55
# More points than this hide one another in any picture.
MOST_POINTS = 200_000


@dataclass(frozen=True, eq=False)
class Scene:
    """Triangles to draw.

    Args:
        vertices: (V, 3) float32, inside the unit sphere around 0.
        faces: (F, 3) int64.
        shade: (F, 3) float32 brightness of each face's corners, 0 to 1.
        source: (V,) the row of the colours that each vertex takes; default: its own.
    """

    vertices: Array
    faces: Array
    shade: Array
    source: Array | None = None

    def corner_colors(self, colors: Array, by_face: bool, face: Array | slice) -> Array:
        """Give the unshaded colours (n, 3, 3) of the corners of some faces."""
        if by_face:
            return np.repeat(colors[face][:, None], 3, axis=1)
        vertex = self.faces[face]  # (n, 3)
        return colors[vertex if self.source is None else self.source[vertex]]


def build_scene(
    shape: Mesh | Cloud, camera: Camera, point_size: float | None, shaded: bool
) -> Scene:
    """Put a shape into the unit sphere and light it.

    Args:
        shape: y up.
        camera: where the light comes from, and whom a cloud's points face.
        point_size: the radius of a cloud's points, as a share of the bounding sphere's; default:
            as many points need.
        shaded: without it, every colour is drawn as it is.

    Returns:
        The scene.

    Raises:
        InputError: there is nothing to draw.
    """
    if isinstance(shape, Mesh):
        scene = _from_mesh(shape, camera)
    else:
        scene = _from_cloud(shape, camera, point_size)
    if shaded:
        return scene
    return Scene(scene.vertices, scene.faces, np.ones_like(scene.shade), scene.source)


def extent(
    shape: Mesh | Cloud, camera: Camera, point_size: float | None = None
) -> tuple[float, float, float, float]:
    """Say which part of a square picture a shape takes.

    Args:
        shape: y up.
        camera: from where it is seen.
        point_size: as for :func:`build_scene`.

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


def _from_mesh(mesh: Mesh, camera: Camera) -> Scene:
    faces = mesh.faces.cpu().numpy()
    vertices, _ = _unit_mesh(mesh)
    flat = face_normals(vertices, faces)  # (F, 3)
    towards = np.einsum("fc,fc->f", flat, camera.eye - vertices[faces[:, 0]])
    if isinstance(mesh, FineMesh) and mesh.corner_normal is not None:
        normal = mesh.corner_normal.detach().cpu().numpy()  # (F, 3, 3)
    else:
        normal = corner_normals(vertices, faces, flat)
    normal = normal * np.where(towards < 0, -1, 1).astype(np.float32)[:, None, None]
    return Scene(vertices, faces, _brightness(normal, camera))


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


def _from_cloud(cloud: Cloud, camera: Camera, point_size: float | None) -> Scene:
    """Draw each point as a dome that faces the camera and looks like a ball."""
    middle, source, size = _unit_cloud(cloud, point_size)
    # The more balls there are, the smaller they are, and the coarser they may be.
    detail = (3, 16) if len(source) <= 2048 else (2, 10) if len(source) <= 20_000 else (1, 8)
    dome, faces = _dome(*detail)
    turned = dome @ camera.axes
    vertices = (middle[:, None] + size * turned).astype(np.float32)  # (N, D, 3)
    first = np.arange(len(source))[:, None, None] * len(dome)
    normal = np.broadcast_to(turned, vertices.shape)
    if cloud.normal is not None:
        # Of many small balls, the surface's form is to be seen, of few large ones their own.
        share = min(len(source) / 4096, 1.0)
        own = cloud.normal.detach().cpu().numpy()[source].astype(np.float64)
        towards = np.einsum("nc,nc->n", own, camera.eye - middle)
        own *= np.where(towards < 0, -1, 1)[:, None]
        normal = normal + share * own[:, None]
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True).clip(1e-9)
    shade = _brightness(normal.astype(np.float32), camera)  # (N, D)
    return Scene(
        vertices.reshape(-1, 3),
        (first + faces).reshape(-1, 3),
        shade[:, faces].reshape(-1, 3),
        np.repeat(source, len(dome)),
    )


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


def _dome(rings: int, around: int) -> tuple[Array, Array]:
    """Make half a ball that looks along +z: its vertices (also its normals) and its faces."""
    vertices = [[0.0, 0.0, 1.0]]
    faces = []
    for ring in range(1, rings + 1):
        tilt = np.pi / 2 * ring / rings
        start, last = len(vertices), len(vertices) - around
        for k in range(around):
            turn = 2 * np.pi * k / around
            vertices.append(
                [np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)]
            )
            here, there = start + k, start + (k + 1) % around
            if ring == 1:
                faces.append([0, here, there])
            else:
                inner, beside = last + k, last + (k + 1) % around
                faces += [[inner, here, there], [inner, there, beside]]
    return np.array(vertices), np.array(faces)


def _bounding_sphere(pos: Array) -> tuple[Array, float]:
    pos = pos.astype(np.float64)
    center = (pos.min(axis=0) + pos.max(axis=0)) / 2
    radius = float(np.sqrt(((pos - center) ** 2).sum(axis=1).max()))
    return center, radius or 1.0


def _brightness(normal: Array, camera: Camera) -> Array:
    towards = (LIGHT @ camera.axes).astype(np.float32)
    return AMBIENT + (1 - AMBIENT) * (normal @ towards).clip(0, 1)
