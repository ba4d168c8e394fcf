import numpy as np
import pytest

from pcea.formats.colors import as_color

_EXPECTED = [[10, 20, 30], [255, 0, 128]]


@pytest.mark.parametrize(
    "values",
    [
        np.array(_EXPECTED, np.uint8),
        np.array(_EXPECTED, np.int32),
        np.array(_EXPECTED, np.float32),
        np.array(_EXPECTED, np.uint16),
        np.array(_EXPECTED, np.uint16) * np.uint16(257),
        np.array(_EXPECTED) / 255,
        (np.array(_EXPECTED) / 255).round(3),
        np.array(_EXPECTED) / 255 * 1.0001,
        np.concatenate([np.array(_EXPECTED) / 255, np.ones((2, 1))], axis=1),
    ],
)
def test_the_same_colors_in_any_range(values: np.ndarray) -> None:
    found = as_color(values)
    assert found is not None and found.dtype == np.uint8
    assert found.tolist() == _EXPECTED


@pytest.mark.parametrize("values", [[[-5.0, 0, 0]], [[0, 0, 70000]], [[-1, 0, 0]]])
def test_numbers_that_cannot_be_colors_are_none(values: list[list[float]]) -> None:
    assert as_color(np.array(values)) is None


def test_what_is_not_finite_is_black() -> None:
    found = as_color(np.array([[np.nan, 0.5, np.inf], [1, 1, 1]]))
    assert found is not None
    assert found.tolist() == [[0, 128, 0], [255, 255, 255]]


def test_whole_numbers_up_to_one_are_nearly_black() -> None:
    found = as_color(np.array([[0, 1, 1]]))
    assert found is not None
    assert found.tolist() == [[0, 1, 1]]
