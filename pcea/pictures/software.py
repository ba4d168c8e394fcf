"""Triangles into pixels by arithmetic alone: needs nothing but PyTorch and NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from pcea.formats.raw import Array
from pcea.pictures.camera import Camera
from pcea.pictures.scene import Scene
from pcea.pictures.visible import Visible

# Pixels of triangles in work at a time, to bound the memory.
CHUNK = 1 << 21


def look(scene: Scene, camera: Camera, width: int, height: int) -> Visible:
    """Find what each pixel sees: of all triangles over its middle, the nearest.

    Args:
        scene: the triangles.
        camera: from where.
        width: of the picture, in pixels.
        height: of it, too.

    Returns:
        What can be seen.
    """
    x, y, distance = camera.project(scene.vertices, width, height)
    # Over a triangle's picture, the inverse of the distance is linear.
    corners = np.stack((x, y, 1 / distance), axis=1)[scene.faces]  # (F, 3, 3)
    x, y, near = corners.transpose(2, 0, 1)  # (F, 3) each
    slope = _gradient(x, y, near)  # (2, F)
    least, most = near.min(axis=1), near.max(axis=1)
    # The upper half holds the nearness (as bits, positive numbers have their order), the lower
    # the face: one maximum decides about both.
    best = torch.zeros(width * height, dtype=torch.int64)
    for face, pixel in _covered(x, y, width, height):
        row, column = np.divmod(pixel, width)
        value = near[face, 0] + slope[0, face] * (column + 0.5 - x[face, 0])
        value += slope[1, face] * (row + 0.5 - y[face, 0])
        value = np.clip(value, least[face], most[face]).astype(np.float32)
        key = (value.view(np.int32).astype(np.int64) << 32) | (face + 1)
        best.scatter_reduce_(0, torch.from_numpy(pixel), torch.from_numpy(key), "amax")
    key = best.numpy()
    pixel = np.flatnonzero(key)
    face = (key[pixel] & 0xFFFFFFFF) - 1
    return Visible(pixel, face, _weights(x[face], y[face], near[face], pixel, width))


def _covered(x: Array, y: Array, width: int, height: int) -> Iterator[tuple[Array, Array]]:
    """Walk over the pixels whose middle is in a triangle: (n,) its face, (n,) the pixel."""
    top = np.ceil(y.min(axis=1) - 0.5).clip(0, height).astype(np.int64)
    bottom = np.ceil(y.max(axis=1) - 0.5).clip(0, height).astype(np.int64)
    wide = np.ceil(x.max(axis=1) - x.min(axis=1)).clip(1, width)
    work = np.cumsum((bottom - top) * wide)
    cuts = np.searchsorted(work, np.arange(CHUNK, work[-1] + CHUNK, CHUNK))
    start = 0
    for stop in (*np.unique(np.minimum(cuts + 1, len(x))), len(x)):
        if stop > start:
            chunk = np.arange(start, stop)
            face, row = _runs(chunk, top[chunk], (bottom - top)[chunk])
            left, right = _crossings(x[face], y[face], row + 0.5)
            first = np.ceil(left - 0.5).clip(0, width).astype(np.int64)
            last = np.ceil(right - 0.5).clip(0, width).astype(np.int64)
            index, column = _runs(np.arange(len(face)), first, (last - first).clip(0))
            yield face[index], row[index] * width + column
        start = stop


def _runs(owner: Array, first: Array, length: Array) -> tuple[Array, Array]:
    """Count up from each first one, as often as its length says, beside who counts."""
    ends = np.cumsum(length)
    place = np.arange(ends[-1] if len(ends) else 0)
    return np.repeat(owner, length), place + np.repeat(first - ends + length, length)


def _crossings(x: Array, y: Array, level: Array) -> tuple[Array, Array]:
    """Say where a row's middle line enters and leaves each triangle."""
    left, right = np.full(len(level), np.inf), np.full(len(level), -np.inf)
    for k in range(3):
        x0, y0, x1, y1 = x[:, k], y[:, k], x[:, (k + 1) % 3], y[:, (k + 1) % 3]
        # From the top down, so that both triangles at an edge agree on it to the last bit.
        down = y0 < y1
        x0, y0, x1, y1 = (
            np.where(down, *pair) for pair in ((x0, x1), (y0, y1), (x1, x0), (y1, y0))
        )
        meets = (y0 <= level) & (level <= y1) & (y0 != y1)
        cross = x0 + (level - y0) * (x1 - x0) / np.where(meets, y1 - y0, 1)
        left = np.where(meets, np.minimum(left, cross), left)
        right = np.where(meets, np.maximum(right, cross), right)
    empty = left > right
    return np.where(empty, 0, left), np.where(empty, 0, right)


def _gradient(x: Array, y: Array, value: Array) -> Array:
    """Give the slopes along x and y, (2, F), of what is linear over a triangle."""
    x1, y1, v1 = (each[:, 1] - each[:, 0] for each in (x, y, value))
    x2, y2, v2 = (each[:, 2] - each[:, 0] for each in (x, y, value))
    area = x1 * y2 - x2 * y1
    area = np.where(area == 0, np.inf, area)
    return np.stack(((v1 * y2 - v2 * y1) / area, (x1 * v2 - x2 * v1) / area))


def _weights(x: Array, y: Array, near: Array, pixel: Array, width: int) -> Array:
    """Say where in its triangle, in space and not on the screen, each pixel's middle lies."""
    row, column = np.divmod(pixel, width)
    dx, dy = x - (column + 0.5)[:, None], y - (row + 0.5)[:, None]  # (P, 3)
    area = [
        dx[:, (k + 1) % 3] * dy[:, (k + 2) % 3] - dx[:, (k + 2) % 3] * dy[:, (k + 1) % 3]
        for k in range(3)
    ]
    weight = np.stack(area, axis=1)
    total = weight.sum(axis=1, keepdims=True)
    weight = (weight / np.where(total == 0, 1, total)).clip(0, 1) + 1e-12
    weight *= near
    return (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
