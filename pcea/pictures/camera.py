"""The camera that pictures are drawn with."""

import math
from dataclasses import dataclass

import numpy as np

from pcea.errors import checked
from pcea.formats.raw import Array
from pcea.geometry.upright import AZIMUTH, ELEVATION


# Wider angles distort, as the longer side of a picture may be three times the shorter one.
@checked(azimuth=(-36_000, 36_000), elevation=(-90, 90), field_of_view=(5, 35), margin=(1, 10))
@dataclass(frozen=True)
class Camera:
    """A view that frames the bounding sphere of any shape.

    Args:
        azimuth: direction around the shape in degrees: 0 is from +z, 90 from +x; y is up.
        elevation: angle above the horizon in degrees, -90 to 90.
        field_of_view: the angle of the picture's shorter side, in degrees, 5 to 35.
        margin: room around the bounding sphere, 1 to 10; at 1 it touches the border.
    """

    azimuth: float = AZIMUTH
    elevation: float = ELEVATION
    field_of_view: float = 25.0
    margin: float = 1.04

    @property
    def axes(self) -> Array:
        """The directions right, up and back (towards the camera) as rows, (3, 3) float64."""
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        right = np.array([math.cos(azimuth), 0.0, -math.sin(azimuth)])
        flat = np.array([math.sin(azimuth), 0.0, math.cos(azimuth)])
        back = math.cos(elevation) * flat + np.array([0.0, math.sin(elevation), 0.0])
        return np.stack([right, np.cross(back, right), back])

    @property
    def eye(self) -> Array:
        """The position of the camera, (3,), for a shape in the unit sphere around 0."""
        return self.margin / math.sin(math.radians(self.field_of_view) / 2) * self.axes[2]

    def focal(self, width: int, height: int) -> float:
        """Compute the focal length in pixels."""
        return min(width, height) / 2 / math.tan(math.radians(self.field_of_view) / 2)

    def project(self, points: Array, width: int, height: int) -> tuple[Array, Array, Array]:
        """Project points (N, 3) of the unit sphere around 0 to x, y and depth, (N,) float64 each.

        x counts pixels from the left and y from the top; the center of the first pixel is 0.5.
        """
        right, up, back = self.axes @ (points.astype(np.float64) - self.eye).T
        scale = self.focal(width, height) / -back
        return width / 2 + scale * right, height / 2 - scale * up, -back
