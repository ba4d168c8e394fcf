import numpy as np
import pytest

from pcea.formats.colors import to_linear, to_screen

ALL = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("kind", ["float64", "float32", "sixteen bits"])
def test_every_color_comes_back(kind: str) -> None:
    light = to_linear(ALL)
    if kind == "sixteen bits":
        light = np.round(65535 * light) / 65535
    assert np.array_equal(to_screen(light.astype(kind if "float" in kind else np.float64)), ALL)


def test_known_lights() -> None:
    # IEC 61966-2-1: a line near black, a power beyond; half the light of white is 188 of 255.
    assert to_linear(np.uint8([0, 255])).tolist() == [0, 1]
    assert to_linear(np.uint8([10]))[0] == pytest.approx(10 / 255 / 12.92)
    assert to_linear(np.uint8([128]))[0] == pytest.approx(0.21586, abs=1e-5)
    assert to_screen(np.array([0.0, 0.5, 1.0])).tolist() == [0, 188, 255]


def test_brighter_light_is_a_brighter_color() -> None:
    assert (np.diff(to_linear(ALL)) > 0).all()
    assert (np.diff(to_screen(np.linspace(0, 1, 5000)).astype(int)) >= 0).all()


def test_what_cannot_be_shown_is_the_nearest_color() -> None:
    light = np.array([-5, 7, np.inf, -np.inf, np.nan])
    assert to_screen(light).tolist() == [0, 255, 255, 0, 0]
