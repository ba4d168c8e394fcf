"""Normals by which meshes are lit."""

import numpy as np
import pytest
import torch

from pcea.formats import Mesh
from pcea.formats.raw import Array
from pcea.pictures.normals import corner_normals

BOX = np.array([[x, y, z] for x in (0.0, 1) for y in (0.0, 1) for z in (0.0, 5)], np.float32)
SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
BOX_FACES = np.array([t for a, b, c, d in SIDES for t in ((a, b, c), (a, c, d))])


def face_normals(vertices: Array, faces: Array) -> Array:
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    normal = np.cross(b - a, c - a)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def welded(mesh: Mesh) -> tuple[Array, Array, Array]:
    """Vertices, faces and the true normals (F, 3, 3) of the ball."""
    pos = mesh.vertices.numpy()
    true = (pos - [5, -1, 2]) / 3
    faces = mesh.faces.numpy()
    area = np.linalg.norm(
        np.cross(pos[faces[:, 1]] - pos[faces[:, 0]], pos[faces[:, 2]] - pos[faces[:, 0]]), axis=1
    )
    faces = faces[area > 1e-4]
    return pos, faces, true[faces]


def test_a_ball_is_smooth(ball: Mesh) -> None:
    pos, faces, true = welded(ball)
    assert np.abs(corner_normals(pos, faces) - true).max() < 0.03


def test_unshared_corners_are_smooth_too(ball: Mesh) -> None:
    pos, faces, true = welded(ball)
    loose = np.arange(3 * len(faces)).reshape(-1, 3)
    assert np.abs(corner_normals(pos[faces.ravel()], loose) - true).max() < 0.03


def test_a_box_has_edges() -> None:
    flat = face_normals(BOX, BOX_FACES)
    assert np.allclose(np.abs(flat).max(axis=1), 1)
    assert np.allclose(corner_normals(BOX, BOX_FACES), flat[:, None])


def test_a_prism_is_round_and_has_edges() -> None:
    # Twelve sides meet at 30 degrees, the lids at 90.
    turn = torch.arange(12) * (2 * torch.pi / 12)
    ring = torch.stack((turn.cos(), 0 * turn, turn.sin()), dim=1).numpy()
    pos = np.concatenate((ring, ring + np.array([0, 1, 0], np.float32)))
    k, n = np.arange(12), (np.arange(12) + 1) % 12
    sides = np.concatenate((np.stack((k, k + 12, n), 1), np.stack((n, k + 12, n + 12), 1)))
    lids = np.concatenate([[[0, i, i + 1], [12, 13 + i, 12 + i]] for i in range(1, 11)])
    found = corner_normals(pos, np.concatenate((sides, lids)))
    assert np.allclose(np.abs(found[24:, :, 1]), 1)
    assert np.abs(found[:24, :, 1]).max() < 1e-6
    assert np.allclose(found[:24], ring[np.concatenate((sides, lids))[:24] % 12], atol=0.1)


def test_the_order_of_the_vertices_does_not_matter(ball: Mesh) -> None:
    pos, faces, true = welded(ball)
    wrong = np.random.default_rng(0).random(len(faces)) < 0.4
    faces[wrong] = faces[wrong][:, ::-1]
    true[wrong] = -true[wrong][:, ::-1]
    assert np.abs(corner_normals(pos, faces) - true).max() < 0.05


@pytest.mark.filterwarnings("error")
def test_faces_without_area() -> None:
    faces = np.array([[0, 0, 0], [0, 1, 1], *BOX_FACES])
    found = corner_normals(BOX, faces)
    assert np.isfinite(found).all()
    assert np.allclose(found[2:], face_normals(BOX, BOX_FACES)[:, None])


def test_the_tip_of_a_wide_fan() -> None:
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    pos = np.stack((np.cos(turn), 0 * turn, np.sin(turn)), axis=1)
    pos = np.concatenate((pos, [[0, 1, 0]])).astype(np.float32)
    k = np.arange(200)
    faces = np.stack((k, np.full(200, 200), (k + 1) % 200), axis=1)
    found = corner_normals(pos, faces)
    # At the tip all directions meet: each face has the mean of those beside it, near its own.
    assert np.abs(found[:, 1] - face_normals(pos, faces)).max() < 0.1
