"""What a picture's pixels see, and the picture in any colours from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pcea.formats.raw import Array
from pcea.pictures.scene import Scene

# Pixels painted at a time, to bound the memory.
CHUNK = 1 << 19


@dataclass(frozen=True, eq=False)
class Visible:
    """What can be seen of a scene; it is found once and painted in many colours.

    Args:
        pixel: (P,) the pixels that see something, row after row from the top left.
        face: (P,) the face that each of them sees.
        weight: (P, 3) where in the face: the shares of its corners.
    """

    pixel: Array
    face: Array
    weight: Array

    def paint(
        self, scene: Scene, colors: Array, by_face: bool, width: int, height: int
    ) -> tuple[Array, Array]:
        """Colour the pixels.

        Args:
            scene: what was looked at.
            colors: (V, 3) or (F, 3) uint8.
            by_face: which of both.
            width: of the picture that was looked at, in pixels.
            height: of it, too.

        Returns:
            The colours (height, width, 3) float32, 0 to 255, 0 where nothing is seen, and the
            pixels that see something, (height, width) float32, 0 or 1.
        """
        picture = np.zeros((width * height, 3), np.float32)
        covered = np.zeros(width * height, np.float32)
        covered[self.pixel] = 1
        for start in range(0, len(self.pixel), CHUNK):
            part = slice(start, start + CHUNK)
            face, weight = self.face[part], self.weight[part]
            corner = scene.corner_colors(colors, by_face, face)  # (n, 3, 3)
            color = np.einsum("nk,nkc->nc", weight, corner)
            shade = np.einsum("nk,nk->n", weight, scene.shade[face])
            picture[self.pixel[part]] = color * shade[:, None]
        return picture.reshape(height, width, 3), covered.reshape(height, width)
