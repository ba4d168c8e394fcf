"""Compiled loops that draw triangles and balls, without a graphics library or a screen.

They write into arrays with an entry for each pixel of a picture (H, W): ``near``, the inverse
distance of the nearest surface, float32, 0 at first; ``face``, its triangle or ball, int32, -1 at
first; ``weight``, the weights of the triangle's second and third corner, (H, W, 2) float32;
``light``, the brightness, float32.
"""

import numpy as np

from pcea.formats.raw import Array
from pcea.geometry.kernels.compiled import compiled

# The direction of the light in the camera's axes (right, up, back), from the upper left, and the
# brightness of surfaces that it does not reach.
LIGHT = np.array([-0.35, 0.5, 1.0]) / np.linalg.norm([-0.35, 0.5, 1.0])
AMBIENT = 0.55


@compiled
def draw_triangles(
    corner: Array, shade: Array, near: Array, face: Array, weight: Array, light: Array
) -> None:
    """Find the nearest triangle over the middle of each pixel.

    ``corner`` (F, 3, 3) float64 has x and y in pixels and the inverse distance of each corner, and
    ``shade`` (F, 3) float32 its brightness.
    """
    height, width = near.shape
    for f in range(len(corner)):
        x, y, inverse = corner[f, :, 0], corner[f, :, 1], corner[f, :, 2]
        area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
        if area == 0:
            continue
        top = max(int(np.ceil(min(y[0], y[1], y[2]) - 0.5)), 0)
        bottom = min(int(np.ceil(max(y[0], y[1], y[2]) - 0.5)), height)
        for row in range(top, bottom):
            level = row + 0.5
            left, right = np.inf, -np.inf  # where the middle line of the pixels crosses the edges
            for k in range(3):
                # Always from the top down, so that two triangles compute the same common edge.
                a, b = k, (k + 1) % 3
                if y[a] > y[b]:
                    a, b = b, a
                if y[a] <= level <= y[b] and y[a] != y[b]:
                    cross = x[a] + (level - y[a]) * (x[b] - x[a]) / (y[b] - y[a])
                    left, right = min(left, cross), max(right, cross)
            if left > right:
                continue
            first = int(np.ceil(max(left, 0.0) - 0.5))
            for column in range(first, int(np.ceil(min(right, float(width)) - 0.5))):
                dx, dy = column + 0.5 - x[0], level - y[0]
                second = (dx * (y[2] - y[0]) - (x[2] - x[0]) * dy) / area
                third = ((x[1] - x[0]) * dy - dx * (y[1] - y[0])) / area
                second, third = min(max(second, 0.0), 1.0), min(max(third, 0.0), 1.0)
                # On the screen, the inverse distance is linear, but positions in space are not.
                w0 = max(1.0 - second - third, 0.0) * inverse[0]
                w1, w2 = second * inverse[1], third * inverse[2]
                total = w0 + w1 + w2
                inverse_here = total / max(second + third, 1.0)
                if inverse_here >= near[row, column]:
                    near[row, column], face[row, column] = inverse_here, f
                    weight[row, column, 0], weight[row, column, 1] = w1 / total, w2 / total
                    light[row, column] = (
                        w0 * shade[f, 0] + w1 * shade[f, 1] + w2 * shade[f, 2]
                    ) / total


@compiled
def draw_balls(
    middle: Array, radius: float, normal: Array, near: Array, face: Array, light: Array
) -> None:
    """Find the nearest ball over the middle of each pixel.

    ``middle`` (N, 4) float64 has x and y in pixels, the distance, and the radius in pixels;
    ``radius`` is the radius in the unit of the distance. ``normal`` (N, 3) float64, in the camera's
    axes, is added to the ball's own normal.
    """
    height, width = near.shape
    for i in range(len(middle)):
        x, y, distance, size = middle[i, 0], middle[i, 1], middle[i, 2], middle[i, 3]
        for row in range(max(int(y - size), 0), min(int(y + size) + 1, height)):
            for column in range(max(int(x - size), 0), min(int(x + size) + 1, width)):
                across, up = (column + 0.5 - x) / size, (y - row - 0.5) / size
                rest = 1.0 - across * across - up * up
                if rest < 0.0:
                    continue
                back = np.sqrt(rest)
                inverse = 1.0 / (distance - radius * back)
                if inverse >= near[row, column]:
                    near[row, column], face[row, column] = inverse, i
                    a, b, c = across + normal[i, 0], up + normal[i, 1], back + normal[i, 2]
                    length = max(np.sqrt(a * a + b * b + c * c), 1e-9)
                    facing = (a * LIGHT[0] + b * LIGHT[1] + c * LIGHT[2]) / length
                    light[row, column] = AMBIENT + (1.0 - AMBIENT) * max(facing, 0.0)


@compiled
def paint(
    face: Array,
    weight: Array,
    light: Array,
    corner: Array,
    values: Array,
    table: Array,
    picture: Array,
) -> None:
    """Color the pixels, and average each square of n × n pixels into one of ``picture``.

    ``corner`` (F, 3) int64 is the index of each corner's value. ``values`` are (C, 3) float32
    colors, 0 to 255, if ``table`` is empty; or else (C, 1) positions, 0 to 1 or NaN, in a ``table``
    (T, 3) uint8 of T - 1 colors and that of NaN. ``picture`` (H / n, W / n, 4) float32, 0 at first,
    receives the mean color, 0 to 255, where uncovered pixels count as 0, and the covered share.
    """
    fine = len(face) // len(picture)
    last = len(table) - 1
    color = np.zeros(3, np.float32)
    for i in range(len(face)):
        for j in range(face.shape[1]):
            f = face[i, j]
            if f < 0:
                continue
            row, column = i // fine, j // fine
            w1, w2, shade = weight[i, j, 0], weight[i, j, 1], light[i, j] / fine**2
            w0 = 1 - w1 - w2
            a, b, c = corner[f, 0], corner[f, 1], corner[f, 2]
            for k in range(values.shape[1]):
                color[k] = w0 * values[a, k] + w1 * values[b, k] + w2 * values[c, k]
            if last > 0:
                place = color[0]
                step = last if np.isnan(place) else min(max(int(place * last), 0), last - 1)
                for k in range(3):
                    color[k] = table[step, k]
            for k in range(3):
                picture[row, column, k] += shade * color[k]
            picture[row, column, 3] += 1 / fine**2
