"""Closed solids to build objects from: each is watertight, its triangles wound outward."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Solid:
    """A closed triangle surface.

    Args:
        vertices: (V, 3) float64.
        faces: (F, 3) int64, counter-clockwise seen from outside.
    """

    vertices: Array
    faces: npt.NDArray[np.int64]

    def move(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        """Shift along the axes."""
        return Solid(self.vertices + (x, y, z), self.faces)

    def scale(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Solid:
        """Stretch about the origin; factors are positive."""
        return Solid(self.vertices * (x, y, z), self.faces)

    def turn(self, axis: str, degrees: float) -> Solid:
        """Rotate about a coordinate axis through the origin, by the right-hand rule."""
        return Solid(self.vertices @ rotation(axis, degrees).T, self.faces)

    def mirror(self) -> Solid:
        """Reflect in the plane x = 0."""
        return Solid(self.vertices * (-1.0, 1.0, 1.0), self.faces[:, ::-1])


Parts = list[tuple[str, Solid]]


def named(part: str, solids: Iterable[Solid]) -> Parts:
    """Solids as components of one part of an object."""
    return [(part, solid) for solid in solids]


def both(solid: Solid) -> tuple[Solid, Solid]:
    """A solid and its mirror image in x = 0: the left and the right one of a pair."""
    return solid, solid.mirror()


def rotation(axis: str, degrees: float) -> Array:
    """The (3, 3) matrix that turns columns about the axis "x", "y" or "z"."""
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    angle = np.deg2rad(degrees)
    matrix = np.eye(3)
    matrix[j, j] = matrix[k, k] = np.cos(angle)
    matrix[k, j] = np.sin(angle)
    matrix[j, k] = -matrix[k, j]
    return matrix


@cache
def ring(segments: int = 16, power: float = 2.0) -> Array:
    """The unit superellipse |u|^power + |v|^power = 1: 2 is a circle, 8 a rounded square.

    Args:
        segments: number of points S.
        power: exponent, 2 or more.

    Returns:
        (S, 2), counter-clockwise.
    """
    angle = 2 * np.pi * (np.arange(segments) + 0.5) / segments
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # (S, 2)
    circle /= (np.abs(circle) ** power).sum(1, keepdims=True) ** (1 / power)
    circle.flags.writeable = False  # every caller gets this same array
    return circle


def rectangle(width: float = 2.0, height: float = 2.0) -> Array:
    """The four corners of a centred rectangle, (4, 2), counter-clockwise."""
    return np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * (width / 2, height / 2)


@cache
def _loft_faces(count: int, segments: int, loop: bool) -> npt.NDArray[np.int64]:
    side = np.arange(segments)
    after = (side + 1) % segments
    low = np.arange(count if loop else count - 1)[:, None] * segments
    high = (low + segments) % (count * segments)
    quads = [
        np.stack([low + side, low + after, high + after], axis=-1).reshape(-1, 3),
        np.stack([low + side, high + after, high + side], axis=-1).reshape(-1, 3),
    ]
    if not loop:
        start = np.full_like(side, count * segments)
        last = (count - 1) * segments
        quads.append(np.stack([after, side, start], axis=-1))
        quads.append(np.stack([last + side, last + after, start + 1], axis=-1))
    return np.concatenate(quads)


def loft(
    rings: Array,
    start: npt.ArrayLike | None = None,
    end: npt.ArrayLike | None = None,
    loop: bool = False,
) -> Solid:
    """Skin a row of rings, and close both ends with a fan of triangles.

    Args:
        rings: (K, S, 3), all wound alike.
        start: (3,) tip of the first fan; by default the mean of the first ring.
        end: (3,) tip of the last fan; by default the mean of the last ring.
        loop: join the last ring to the first instead of closing the ends.

    Returns:
        The solid, wound outward whichever way the rings run.
    """
    count, segments = rings.shape[:2]
    vertices = rings.reshape(-1, 3)
    if not loop:
        tips = (
            rings[0].mean(0) if start is None else np.asarray(start, dtype=np.float64),
            rings[-1].mean(0) if end is None else np.asarray(end, dtype=np.float64),
        )
        vertices = np.concatenate([vertices, tips])
    faces = _loft_faces(count, segments, loop)
    if _volume(vertices, faces) < 0:
        faces = faces[:, ::-1]
    return Solid(vertices, faces)


def _volume(vertices: Array, faces: npt.NDArray[np.int64]) -> float:
    a, b, c = (vertices - vertices[0])[faces.T]  # three times (F, 3)
    return float(np.einsum("fi,fi->", a, np.cross(b, c))) / 6


def box(width: float, height: float, depth: float, top: tuple[float, float] = (1.0, 1.0)) -> Solid:
    """A box along x, y and z about the origin; `top` scales its upper face in x and z."""
    corners = rectangle(width, depth)
    rings = np.empty((2, 4, 3))
    rings[:, :, 1] = [[-height / 2], [height / 2]]
    rings[0, :, ::2] = corners
    rings[1, :, ::2] = corners * top
    return loft(rings)


def lathe(
    profile: npt.ArrayLike, segments: int = 20, power: float = 2.0, loop: bool = False
) -> Solid:
    """Turn a profile about the y axis.

    Args:
        profile: (K, 2) rows of radius and height. A first or last radius of 0 makes a tip;
            a profile that comes back down inside itself makes a cup.
        segments: points around the axis.
        power: the cross-section's exponent, see `ring`.
        loop: the profile is a closed curve off the axis, as a torus has it.
    """
    points = np.asarray(profile, dtype=np.float64)
    tip, tail = points[0, 0] == 0, points[-1, 0] == 0
    start = (0.0, points[0, 1], 0.0) if tip else None
    end = (0.0, points[-1, 1], 0.0) if tail else None
    points = points[int(tip) : len(points) - int(tail)]
    rings = np.empty((len(points), segments, 3))
    rings[:, :, ::2] = points[:, :1, None] * ring(segments, power)
    rings[:, :, 1] = points[:, 1:]
    return loft(rings, start, end, loop)


def frustum(bottom: float, top: float, height: float, segments: int = 16) -> Solid:
    """A cut cone that stands on y = 0; equal radii make a cylinder, a top of 0 a cone."""
    return lathe([(bottom, 0.0), (top, height)], segments)


def ellipsoid(x: float, y: float, z: float, segments: int = 14) -> Solid:
    """An ellipsoid about the origin with these half axes."""
    angle = np.linspace(0, np.pi, segments // 2 + 2)
    profile = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    profile[[0, -1], 0] = 0
    return lathe(profile, segments).scale(x, y, z)


def slab(
    width: float, height: float, depth: float, power: float = 8.0, segments: int = 28
) -> Solid:
    """A flat body with soft edges about the origin: a cushion, a table top, a disc.

    Args:
        width: extent in x.
        height: extent in y.
        depth: extent in z.
        power: outline's exponent, see `ring`.
        segments: points around the outline.
    """
    soft = min(0.35 * height, 0.06 * min(width, depth))
    edge = 1 - 2 * soft / min(width, depth)
    h = height / 2
    profile = [(edge, -h), (1, soft - h), (1, h - soft), (edge, h)]
    return lathe(profile, segments, power).scale(x=width / 2, z=depth / 2)


def tube(
    path: npt.ArrayLike,
    radius: npt.ArrayLike,
    section: Array | None = None,
    up: npt.ArrayLike | None = None,
    rounded: bool = False,
    loop: bool = False,
) -> Solid:
    """Sweep a cross-section along a curve.

    Args:
        path: (K, 3) points on the curve.
        radius: scale of the cross-section, one or (K,).
        section: (S, 2) outline; its first axis lies across the curve and `up`, its second
            along `up`. By default a circle of 10 points.
        up: (3,) direction that the curve never takes; by default the normal of the plane that
            the curve bends in.
        rounded: pull the ends out into domes.
        loop: the curve is closed (the first point is not repeated).
    """
    points = np.asarray(path, dtype=np.float64)
    section = ring(10) if section is None else section
    if loop:
        tangent = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    else:
        tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    upward = _plane_normal(tangent) if up is None else np.asarray(up, dtype=np.float64)
    side = np.cross(upward, tangent)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    frame = np.stack([side, np.cross(tangent, side)], axis=1)  # (K, 2, 3)
    scale = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(points))
    rings = points[:, None] + scale[:, None, None] * (section @ frame)  # (K, S, 3)
    if not rounded:
        return loft(rings, loop=loop)
    return _domed(rings, points, tangent, scale)


def _domed(rings: Array, points: Array, tangent: Array, scale: Array) -> Solid:
    """Add to both ends of a sweep one shrunken ring and a tip."""
    ends = (0, -1), (-1, 1)
    shrunk = [
        points[i] + 0.7 * (rings[i] - points[i]) + sign * 0.7 * scale[i] * tangent[i]
        for i, sign in ends
    ]
    start, end = (points[i] + sign * scale[i] * tangent[i] for i, sign in ends)
    return loft(np.concatenate([shrunk[:1], rings, shrunk[1:]]), start, end)


def _plane_normal(tangent: Array) -> Array:
    normal = np.cross(tangent[:-1], tangent[1:]).sum(0)
    length = np.linalg.norm(normal)
    if length > 1e-6:
        return np.asarray(normal / length)
    # Rounded, so that the choice between two axes does not hang on the last bit.
    return np.eye(3)[np.abs(np.round(tangent[0], 6)).argmin()]


def rod(
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    radius: float,
    tip: float | None = None,
    square: bool = False,
) -> Solid:
    """A straight bar between two points, `radius` thick at the start and `tip` at the end."""
    radii = (radius, radius if tip is None else tip)
    return tube(np.array([start, end]), radii, section=rectangle() if square else None)


def extrude(outline: npt.ArrayLike, depth: float, bevel: float = 0.0) -> Solid:
    """A plate: an outline in the x-y plane, made thick along z about z = 0.

    Args:
        outline: (S, 2) polygon that is star-shaped about the mean of its points.
        depth: extent in z.
        bevel: how far the rim slopes in, in z and (relative to the outline's size) in x and y.
    """
    points = np.asarray(outline, dtype=np.float64)
    centre = points.mean(0)
    if bevel:
        shrink = 1 - bevel / np.linalg.norm(points - centre, axis=1).mean()
        levels = [(shrink, -depth / 2), (1.0, bevel - depth / 2)]
        levels += [(factor, -z) for factor, z in reversed(levels)]
    else:
        levels = [(1.0, -depth / 2), (1.0, depth / 2)]
    rings = np.empty((len(levels), len(points), 3))
    for level, (factor, z) in zip(rings, levels, strict=True):
        level[:, :2] = centre + factor * (points - centre)
        level[:, 2] = z
    return loft(rings)


def fin(
    root: float,
    tip: float,
    span: float,
    sweep: float,
    thickness: float,
    dihedral: float = 0.0,
) -> Solid:
    """A wing that grows from the origin along +x, its chord along z and its nose to -z.

    Args:
        root: chord at the root.
        tip: chord at the tip.
        span: length in x.
        sweep: how far back (+z) the tip's middle lies from the root's.
        thickness: of the root in y; the tip is thinner in proportion to its chord.
        dihedral: how far up (+y) the tip lies.
    """
    airfoil = ring(12) * (thickness / root / 2, 0.5)  # (12, 2): y and z for a chord of 1
    rings = np.empty((2, 12, 3))
    for level, (x, chord) in zip(rings, ((0.0, root), (1.0, tip)), strict=True):
        level[:, 0] = x * span
        level[:, 1:] = chord * airfoil + (x * dihedral, x * sweep)
    return loft(rings)


def curve(control: npt.ArrayLike, num: int = 10) -> Array:
    """Points on a Bézier curve.

    Args:
        control: (3, D) or (4, D) control points.
        num: number of points K.

    Returns:
        (K, D), from the first control point to the last.
    """
    points = np.asarray(control, dtype=np.float64)
    t = np.linspace(0, 1, num)[:, None, None]
    level = np.broadcast_to(points, (num, *points.shape))
    while level.shape[1] > 1:
        level = (1 - t) * level[:, :-1] + t * level[:, 1:]
    return level[:, 0]
