"""Closed solids to build objects from: each is watertight, and its faces point outward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Points: TypeAlias = Array | Sequence[Any]  # a point or several, of numbers, tuples or arrays


@dataclass(frozen=True)
class Solid:
    """A closed triangle surface."""

    vertices: Array  # (V, 3)
    faces: npt.NDArray[np.int64]  # (F, 3), counter-clockwise seen from outside

    def move(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        """Shift along the axes."""
        return Solid(self.vertices + (x, y, z), self.faces)

    def scale(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Solid:
        """Stretch about the origin; a negative factor mirrors."""
        faces = self.faces if x * y * z > 0 else self.faces[:, ::-1]
        return Solid(self.vertices * (x, y, z), faces)

    def turn(self, axis: str, degrees: float) -> Solid:
        """Rotate about the axis "x", "y" or "z" through the origin, by the right-hand rule."""
        i = "xyz".index(axis)
        cos, sin = np.cos(np.deg2rad(degrees) / 2), np.sin(np.deg2rad(degrees) / 2)
        # As SciPy's quaternions give it, to the last bit; SciPy takes 30 times as long.
        matrix = np.diag([cos * cos - sin * sin] * 3)
        matrix[i, i] = cos * cos + sin * sin
        matrix[i - 1, i - 2], matrix[i - 2, i - 1] = 2 * sin * cos, -2 * sin * cos
        return Solid(self.vertices @ matrix.T, self.faces)


# A builder yields the name of a part, and one or more solids of it.
Parts: TypeAlias = Iterator[tuple[str, Solid | Sequence[Solid]]]


def both(*solids: Solid) -> list[Solid]:
    """Return the solids and their mirror images in x = 0, for parts on the left and the right."""
    return [*solids, *(solid.scale(x=-1) for solid in solids)]


def around(solid: Solid, count: int, start: float = 0.0) -> list[Solid]:
    """Return copies of a solid, evenly spaced about the y axis, from `start` degrees on."""
    return [solid.turn("y", start + 360 * i / count) for i in range(count)]


@cache
def ring(segments: int = 16, power: float = 2.0) -> Array:
    """Points on |u|^power + |v|^power = 1: a circle for 2, a square for infinity.

    Returns:
        (segments, 2), counter-clockwise.
    """
    angle = 2 * np.pi * (np.arange(segments) + 0.5) / segments
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points /= np.linalg.norm(points, power, axis=1, keepdims=True)
    points.flags.writeable = False  # all callers share this array
    return points


def rectangle(width: float = 2.0, height: float = 2.0) -> Array:
    """The four corners of a rectangle around the origin, (4, 2), counter-clockwise."""
    return ring(4, np.inf) * (width / 2, height / 2)


def curve(control: Points, num: int = 10) -> Array:
    """Points (num, D) on the Bézier curve of control points (K, D)."""
    t = np.linspace(0, 1, num)[:, None, None]
    level = np.asarray(control, dtype=np.float64)[None]
    while level.shape[1] > 1:
        level = (1 - t) * level[:, :-1] + t * level[:, 1:]
    return level[:, 0]


@cache
def _faces(count: int, segments: int, loop: bool) -> npt.NDArray[np.int64]:
    rows = np.arange(count * segments).reshape(count, segments)
    start, end = np.full((1, segments), rows.size), np.full((1, segments), rows.size + 1)
    rows = np.concatenate([rows, rows[:1]] if loop else [start, rows, end])
    low, high = rows[:-1], rows[1:]
    low_next, high_next = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    halves = [np.stack([low, low_next, high_next], -1), np.stack([low, high_next, high], -1)]
    faces = np.concatenate(halves).reshape(-1, 3)
    return faces[(faces != np.roll(faces, 1, axis=1)).all(1)]  # those at a tip have no area


def _cross(a: Array, b: Array) -> Array:
    """Compute `np.cross`, five times as fast for few vectors."""
    return a[..., [1, 2, 0]] * b[..., [2, 0, 1]] - a[..., [2, 0, 1]] * b[..., [1, 2, 0]]


def loft(
    rings: Array, start: Points | None = None, end: Points | None = None, loop: bool = False
) -> Solid:
    """Join a sequence of rings (K, S, 3), all in the same direction, to a surface.

    Both ends are closed with a fan of triangles around `start` and `end`, by default the means of
    the first and the last ring; with `loop`, the last ring is joined to the first instead.
    """
    vertices = rings.reshape(-1, 3)
    if not loop:
        start = rings[0].mean(0) if start is None else start
        end = rings[-1].mean(0) if end is None else end
        vertices = np.concatenate([vertices, np.array([start, end])])
    faces = _faces(*rings.shape[:2], loop)
    a, b, c = (vertices - vertices[0])[faces.T]  # three times (F, 3)
    volume = np.einsum("fi,fi->", a, _cross(b, c))
    return Solid(vertices, faces if volume > 0 else faces[:, ::-1])


def lathe(profile: Points, power: float = 2.0, segments: int = 20, loop: bool = False) -> Solid:
    """Turn a profile (K, 2) of radius and height about the y axis, in the form of :func:`ring`.

    A first or last radius of 0 makes a tip, any other a flat end. A profile that comes back down
    inside itself makes a cup. With `loop`, the profile is closed and off the axis, as for a torus.
    """
    points = np.asarray(profile, dtype=np.float64)
    start, end = ((0.0, y, 0.0) if radius == 0 else None for radius, y in points[[0, -1]])
    points = points[points[:, 0] > 0]
    rings = np.empty((len(points), segments, 3))
    rings[:, :, ::2] = points[:, :1, None] * ring(segments, power)
    rings[:, :, 1] = points[:, 1:]
    return loft(rings, start, end, loop)


def frustum(bottom: float, top: float, height: float, segments: int = 16) -> Solid:
    """A truncated cone on y = 0; equal radii make a cylinder, a `top` of 0 a cone."""
    return lathe([(bottom, 0.0), (top, height)], segments=segments)


def ellipsoid(x: float, y: float, z: float, segments: int = 14) -> Solid:
    """An ellipsoid around the origin with these half axes."""
    angle = np.linspace(0, np.pi, segments // 2 + 2)
    profile = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    profile[[0, -1], 0] = 0
    return lathe(profile, segments=segments).scale(x, y, z)


def slab(width: float, height: float, depth: float, power: float = 8.0) -> Solid:
    """A flat body with rounded edges around the origin, such as a cushion or a table top."""
    soft = min(0.35 * height, 0.06 * min(width, depth))
    edge, h = 1 - 2 * soft / min(width, depth), height / 2
    profile = [(edge, -h), (1, soft - h), (1, h - soft), (edge, h)]
    return lathe(profile, power, 28).scale(x=width / 2, z=depth / 2)


def box(width: float, height: float, depth: float, top: float = 1.0) -> Solid:
    """A box around the origin, along the axes; `top` scales its upper face."""
    profile = [(1, -height / 2), (top, height / 2)]
    return lathe(profile, np.inf, 4).scale(x=width / 2, z=depth / 2)


def tube(
    path: Points,
    radius: float | Sequence[float] | Array,
    section: Array | None = None,
    up: Points | None = None,
    loop: bool = False,
) -> Solid:
    """Sweep a cross-section along a curve.

    Args:
        path: (K, 3) points on the curve.
        radius: scale of the cross-section, one or (K,).
        section: (S, 2) points, across the curve and `up`, and along `up`. Default: a circle.
        up: (3,) a direction that the curve never has. Default: the axis of its least extent.
        loop: the curve is closed (the first point is not repeated).
    """
    points = np.asarray(path, dtype=np.float64)
    if loop:
        tangent = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    else:
        tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    if up is None:  # rounded, so that the choice does not depend on the last bit
        up = np.eye(3)[np.ptp(points, axis=0).round(6).argmin()]
    side = _cross(np.asarray(up, dtype=np.float64), tangent)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    frame = np.stack([side, _cross(tangent, side)], axis=1)  # (K, 2, 3)
    scale = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(points))
    section = ring(10) if section is None else section
    return loft(points[:, None] + scale[:, None, None] * (section @ frame), loop=loop)


def rod(
    start: Points, end: Points, radius: float, tip: float | None = None, square: bool = False
) -> Solid:
    """A straight bar between two points, with `radius` at the start and `tip` at the end."""
    radii = (radius, radius if tip is None else tip)
    return tube([start, end], radii, section=rectangle() if square else None)


def extrude(outline: Points, depth: float, bevel: float = 0.0) -> Solid:
    """A plate around z = 0 with an outline (S, 2) in x and y, star-shaped around its mean.

    `bevel` is the width of the sloping rim, in z and, on average, in x and y.
    """
    points = np.asarray(outline, dtype=np.float64)
    x, y = center = points.mean(0)
    shrunk = 1 - bevel / np.linalg.norm(points - center, axis=1).mean()
    half = depth / 2
    path = [(0, 0, -half), (0, 0, bevel - half), (0, 0, half - bevel), (0, 0, half)]
    sizes: list[float] = [shrunk, 1, 1, shrunk]
    if not bevel:
        path, sizes = [path[0], path[-1]], [1, 1]
    return tube(path, sizes, points - center, up=(0, 1, 0)).move(x, y)


def fin(
    root: float, tip: float, span: float, sweep: float, thickness: float, rise: float = 0.0
) -> Solid:
    """A wing from the origin along +x, with its nose to -z.

    `root` and `tip` are its chords, `sweep` and `rise` how far back (+z) and up (+y) the tip lies,
    and `thickness` that of the root in y; the tip is thinner in proportion to its chord.
    """
    airfoil = np.insert(ring(12) * (thickness / root / 2, 0.5), 0, 0.0, axis=1)  # with a chord of 1
    return loft(np.stack([root * airfoil, tip * airfoil + (span, rise, sweep)]))
