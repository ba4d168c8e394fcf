from __future__ import annotations

import numpy as np
import pytest

from pcea.formats.fields import find, in_type


def test_three_fields_are_found_under_any_of_their_names() -> None:
    one, two = np.arange(2), np.arange(2.0)
    fields = {"x": two, "y": two, "z": two, "r": one, "g": one, "b": one, "nx": two, "ny": two}
    position, normal, color = find(fields)
    assert normal is None
    assert position is not None and color is not None
    assert position.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert color.dtype == one.dtype


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        ([0.0, 255.0], "u1", np.uint8),
        ([0.0, 256.0], "u1", np.float64),
        ([0.0, -1.0], "<u2", np.float64),
        ([0.5, 1.0], "u1", np.float64),
        ([np.nan, 1.0], "i4", np.float64),
        ([1.0, 2.0], "f4", np.float64),
    ],
)
def test_numbers_take_a_whole_type_only_if_it_holds_them(
    values: list[float], type: str, expected: np.dtype
) -> None:
    typed = in_type(np.array(values), type)
    assert typed.dtype == expected
    np.testing.assert_array_equal(typed, values)
