from __future__ import annotations

import numpy as np

from pcea.formats.text import all_numbers, fits_lines


def test_numbers_come_one_after_the_other() -> None:
    numbers = all_numbers(["1 2", "3e0\t-4 nan"])
    assert numbers is not None
    np.testing.assert_array_equal(numbers, [1, 2, 3, -4, np.nan])
    assert all_numbers(["1 two"]) is None


def test_records_may_begin_with_lines_or_lines_with_records() -> None:
    assert fits_lines(["1 2", "3 4", "5 6"], np.array([0, 2, 4]))
    assert fits_lines(["1 2", "3 4 5 6"], np.array([0, 2, 4]))  # two records a line
    assert fits_lines(["1 2", "3", "4"], np.array([0, 2]))  # a record on two lines
    assert not fits_lines(["1 2", "3 4 5", "6"], np.array([0, 2, 4]))
    assert fits_lines(["1 2 3", "4 5", "6"], np.array([0, 2, 4]))  # lines mean nothing
