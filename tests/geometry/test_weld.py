from __future__ import annotations

import numpy as np

from pcea.geometry.weld import weld


def test_equal_places_become_one() -> None:
    pos = np.array([[1, 2, 3], [0.0, 0, 0], [1, 2, 3], [-0.0, 0, 0], [1, 2, 3 + 1e-6]], np.float32)
    corner, num = weld(pos)
    assert num == 3
    assert corner[0] == corner[2] != corner[4]
    assert corner[1] == corner[3]
    assert sorted(set(corner.tolist())) == [0, 1, 2]


def test_against_numpy() -> None:
    pos = np.random.default_rng(0).integers(-2, 3, (500, 3)).astype(np.float32)
    corner, num = weld(pos)
    places, expected = np.unique(pos, axis=0, return_inverse=True)
    assert num == len(places)
    assert len({*zip(corner.tolist(), expected.reshape(-1).tolist(), strict=True)}) == num


def test_no_vertices() -> None:
    corner, num = weld(np.zeros((0, 3), np.float32))
    assert (len(corner), num) == (0, 0)
