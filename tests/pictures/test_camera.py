"""Where things appear in a picture."""

from typing import Any

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.pictures.camera import Camera


@pytest.mark.parametrize("elevation", [-90.0, -30.0, 0.0, 90.0])
@pytest.mark.parametrize("azimuth", [0.0, 123.0, -500.0])
def test_axes_are_a_right_handed_frame(azimuth: float, elevation: float) -> None:
    axes = Camera(azimuth, elevation).axes
    assert np.allclose(axes @ axes.T, np.eye(3))
    assert np.linalg.det(axes) == pytest.approx(1)
    assert axes[0, 1] == 0  # the horizon is level


def test_known_directions() -> None:
    points = np.eye(3)
    x, y, distance = Camera(0, 0).project(points, 200, 100)  # from +z
    assert x[0] > 100 and y[0] == pytest.approx(50)  # +x is on the right
    assert x[1] == pytest.approx(100) and y[1] < 50  # +y is up
    assert distance[2] == distance.min()  # +z is in front
    x, _, distance = Camera(90, 0).project(points, 200, 100)  # from +x
    assert distance[0] == distance.min()
    assert x[2] < 100  # +z is on the left
    _, y, distance = Camera(0, 90).project(points, 200, 100)  # from above
    assert distance[1] == distance.min() and y[2] > 50


@pytest.mark.parametrize("size", [(300, 300), (300, 120), (120, 300)])
@pytest.mark.parametrize("field_of_view", [5.0, 25.0, 35.0])
def test_the_unit_sphere_just_fits(size: tuple[int, int], field_of_view: float) -> None:
    camera = Camera(40, 25, field_of_view, margin=1)
    points = np.random.default_rng(0).normal(size=(200_000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    x, y, _ = camera.project(points, *size)
    reach = np.hypot(x - size[0] / 2, y - size[1] / 2).max()
    assert 0.995 < reach / (min(size) / 2) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"azimuth": float("nan")}, "azimuth is nan"),
        ({"elevation": 91}, "elevation is 91; it must be a finite number from -90 to 90"),
        ({"field_of_view": 90}, "field_of_view is 90; it must be a finite number from 5 to 35"),
        ({"margin": "x"}, "margin is 'x'"),
    ],
)
def test_impossible_cameras(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Camera(**wrong)
