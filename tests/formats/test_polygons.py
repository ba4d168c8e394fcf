from __future__ import annotations

import numpy as np

from pcea.formats.polygons import triangulate


def test_polygons_become_fans_in_their_order() -> None:
    counts = np.array([3, 4, 2, 5, 1])
    corners = np.array([7, 8, 9, 0, 1, 2, 3, 5, 6, 10, 11, 12, 13, 14, 4])
    expected = [[7, 8, 9], [0, 1, 2], [0, 2, 3], [10, 11, 12], [10, 12, 13], [10, 13, 14]]
    np.testing.assert_array_equal(triangulate(counts, corners), expected)


def test_no_polygons_give_no_triangles() -> None:
    assert triangulate(np.empty(0, int), np.empty(0, int)).shape == (0, 3)
