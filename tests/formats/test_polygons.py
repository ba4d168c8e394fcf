import numpy as np
import pytest

from pcea.formats.polygons import triangulate, unroll_strips

_U = np.array([[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3]], float)


def _star(points: int) -> np.ndarray:
    angle = np.arange(2 * points) * np.pi / points
    radius = np.where(np.arange(2 * points) % 2, 0.3, 1.0)
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)


def _shoelace(flat: np.ndarray) -> float:
    x, y = flat.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _normals(pos: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3) unit normals times areas."""
    a, b, c = (pos[faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a) / 2


def test_convex_polygons_become_fans_in_their_order() -> None:
    angle = np.linspace(0, 2 * np.pi, 15, endpoint=False)
    pos = np.stack((np.cos(angle), np.sin(angle), 0 * angle), axis=1)
    counts = np.array([3, 4, 2, 5, 1])
    corners = np.array([7, 8, 9, 0, 1, 2, 3, 5, 6, 10, 11, 12, 13, 14, 4])
    expected = [[7, 8, 9], [0, 1, 2], [0, 2, 3], [10, 11, 12], [10, 12, 13], [10, 13, 14]]
    np.testing.assert_array_equal(triangulate(counts, corners, pos), expected)


def test_no_polygons_give_no_triangles() -> None:
    none = np.empty(0, int)
    assert triangulate(none, none, np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("flat", [_U, _star(5), _star(9), _U[[0, 1, 4, 7]]], ids=str)
@pytest.mark.parametrize("backward", [False, True])
def test_concave_polygons_are_covered_from_any_first_corner_in_any_plane(
    flat: np.ndarray, backward: bool
) -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    pos = flat @ turn[:2] * 40 + [7, -300, 12]
    ring = np.arange(len(flat))[::-1] if backward else np.arange(len(flat))
    whole = np.cross(turn[0], turn[1]) * _shoelace(flat) * 1600 * (-1 if backward else 1)
    for first in range(len(flat)):
        faces = triangulate(np.array([len(flat)]), np.roll(ring, first), pos)
        assert len(faces) == len(flat) - 2
        normals = _normals(pos, faces)
        np.testing.assert_allclose(normals.sum(0), whole, rtol=1e-9)
        # None lies the other way round, and together they are no larger than the polygon.
        areas = np.linalg.norm(normals, axis=1)
        np.testing.assert_allclose(areas.sum(), np.linalg.norm(whole), rtol=1e-9)


def test_concave_and_convex_polygons_keep_their_order() -> None:
    pos = np.concatenate((_U, np.zeros((8, 1))), axis=1)
    counts = np.array([3, 8, 4, 8, 3])
    ring = np.roll(np.arange(8), 2)
    corners = np.concatenate(([0, 1, 7], ring, [0, 1, 2, 7], ring[::-1], [1, 2, 7]))
    faces = triangulate(counts, corners, pos)
    assert len(faces) == 1 + 6 + 2 + 6 + 1
    np.testing.assert_array_equal(
        faces[[0, 7, 8, 15]], [[0, 1, 7], [0, 1, 2], [0, 2, 7], [1, 2, 7]]
    )
    z = _normals(pos, faces)[:, 2]
    assert z[1:7].sum() == pytest.approx(7)
    assert z[9:15].sum() == pytest.approx(-7)
    assert (z[1:7] > 0).all() and (z[9:15] < 0).all()


def test_a_quadrilateral_is_cut_along_the_diagonal_inside() -> None:
    pos = np.array([[0, 0, 0], [2, 0, 0], [0.3, 0.3, 0], [0, 2, 0]])
    for first in range(4):
        faces = triangulate(np.array([4]), np.roll(np.arange(4), first), pos)
        assert sorted(map(sorted, faces.tolist())) == [[0, 1, 2], [0, 2, 3]]
        assert (_normals(pos, faces)[:, 2] > 0).all()


def test_what_no_cut_covers_stays_a_fan() -> None:
    bow = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]], float)
    five = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0], [-1, 0.2, 0]])
    line = np.stack((np.arange(6.0), np.zeros(6), np.zeros(6)), axis=1)
    for pos in (bow, five, line):
        ring = np.arange(len(pos))
        faces = triangulate(np.array([len(pos)]), ring, pos)
        fan = [[0, i, i + 1] for i in range(1, len(pos) - 1)]
        np.testing.assert_array_equal(faces, fan)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_a_corner_without_a_position_does_no_harm(wrong: float) -> None:
    pos = np.concatenate((_U, np.zeros((8, 1))), axis=1)
    both = np.concatenate((pos, pos))
    both[3] = wrong
    faces = triangulate(np.array([8, 8]), np.roll(np.arange(16).reshape(2, 8), 3, 1).ravel(), both)
    assert len(faces) == 12
    assert np.linalg.norm(_normals(both, faces[6:]), axis=1).sum() == pytest.approx(7)


def test_indices_that_refer_to_no_vertex_are_left_for_the_checks() -> None:
    faces = triangulate(np.array([4]), np.array([0, 1, 2, 9]), np.zeros((3, 3)))
    np.testing.assert_array_equal(faces, [[0, 1, 2], [0, 2, 9]])


def test_a_polygon_that_surrounds_a_hole_by_a_bridge_is_covered() -> None:
    outer = [[0, 0], [4, 0], [4, 4], [0, 4]]
    hole = [[1, 1], [1, 3], [3, 3], [3, 1]]
    flat = np.array([*outer, outer[0], *hole, hole[0]], float)
    pos = np.concatenate((flat, np.zeros((len(flat), 1))), axis=1)
    faces = triangulate(np.array([len(flat)]), np.arange(len(flat)), pos)
    assert np.linalg.norm(_normals(pos, faces), axis=1).sum() == pytest.approx(16 - 4)


def test_strips_alternate_their_winding_and_end_at_minus_one() -> None:
    counts = np.array([9, 0, 5])
    corners = np.array([0, 1, 2, 3, 4, -1, 5, 6, 7, 1, 2, 3, 3, 4])
    expected = [[0, 1, 2], [2, 1, 3], [2, 3, 4], [5, 6, 7], [1, 2, 3]]
    np.testing.assert_array_equal(unroll_strips(counts, corners), expected)


def test_no_strips_give_no_triangles() -> None:
    for corners in ([], [0, 1], [-1, -1, -1, -1], [0, 1, -1, 2, 3]):
        assert unroll_strips(np.array([len(corners)]), np.array(corners, int)).shape == (0, 3)
