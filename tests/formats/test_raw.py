import numpy as np
import pytest
import torch

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.formats.raw import Raw, validate

_FACES = np.array([[0, 1, 2]])


def test_a_mesh_has_the_types_that_were_promised() -> None:
    mesh = validate(Raw(np.eye(3), _FACES.astype(np.uint8)), "shape")
    assert isinstance(mesh, Mesh)
    assert mesh.vertices.dtype == torch.float32
    assert mesh.faces.dtype == torch.int64
    assert mesh.name == "shape"


def test_normals_come_in_unit_length() -> None:
    normal = np.array([[0, 0, 3e200], [np.inf, 0, 1], [0, 0, 0]])
    cloud = validate(Raw(np.eye(3), normal=normal, color=np.eye(3, dtype=np.uint8)), "shape")
    assert isinstance(cloud, Cloud)
    assert cloud.normal is not None
    assert cloud.color is not None
    assert cloud.normal.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert cloud.color.dtype == torch.uint8


@pytest.mark.parametrize("faces", [None, _FACES])
@pytest.mark.parametrize(
    ("pos", "message"),
    [
        (np.empty((0, 3)), "holds no points"),
        (np.eye(2), r"shape \(2, 2\), not \(N, 3\)"),
        (np.array([[0, 0, 0], [np.nan, 0, 0], [0, np.inf, 0]]), "2 of its 3 points have NaN"),
        (np.ones((1, 3)), "a single point"),
        (np.ones((5, 3)), "all of its 5 points are equal"),
        (np.eye(3) * 1e39, "reach 1e.39, beyond float32"),
        (np.eye(3) * 1e308 * [1, -1, 1], "beyond float32"),
    ],
)
def test_points_that_are_no_shape_are_refused(
    pos: np.ndarray, faces: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        validate(Raw(pos, faces), "shape")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        ([[0, 1, 3]], r"vertex 3 \(counted from 0\), but there are 3"),
        ([[0, 1, -1]], "vertex -1 "),
        ([[0, 1, 1], [2, 2, 2]], "none of its 2 faces has an area"),
    ],
)
def test_faces_that_are_no_surface_are_refused(faces: list[list[int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        validate(Raw(np.eye(3), np.array(faces)), "shape")


def test_map_coordinates_keep_every_digit_beside_their_offset() -> None:
    site = np.random.default_rng(0).uniform(0, 20, size=(100, 3)).round(3)
    site += [431234.0, 5403280.0, 312.0]
    cloud = validate(Raw(site), "shape")
    assert isinstance(cloud, Cloud)
    assert cloud.pos.dtype == torch.float32
    assert cloud.file_pos.dtype == torch.float64
    np.testing.assert_allclose(cloud.file_pos.numpy(), site, rtol=0, atol=2e-6)
    assert (cloud.pos.abs() < 32).all()


def test_a_shape_near_zero_has_no_offset() -> None:
    cloud = validate(Raw(np.eye(3) + 2), "shape")
    assert not cloud.offset.any()
    assert torch.equal(cloud.file_pos, (torch.eye(3) + 2))


def test_points_that_are_not_there_are_left_out_and_counted() -> None:
    pos = np.array([[np.nan] * 3, [0, 0, 0], [1, 0, 0], [np.inf, 0, 0], [0, 1, 0]])
    color = np.arange(15).reshape(5, 3).astype(np.uint8)
    cloud = validate(Raw(pos, normal=-pos, color=color), "shape")
    assert isinstance(cloud, Cloud) and cloud.color is not None and cloud.row is not None
    assert cloud.pos.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert cloud.color[:, 0].tolist() == [3, 6, 12]
    assert cloud.row.tolist() == [1, 2, 4]
    assert "2 of 5 points" in cloud.notes[0]


def test_an_unused_vertex_without_a_position_harms_nothing() -> None:
    pos = np.concatenate([[[np.nan] * 3], np.eye(3)])
    mesh = validate(Raw(pos, _FACES + 1), "shape")
    assert isinstance(mesh, Mesh)
    assert mesh.vertices.tolist() == np.eye(3).tolist()
    assert mesh.faces.tolist() == [[0, 1, 2]]
    assert not mesh.notes


def test_faces_with_a_corner_that_is_not_there_are_left_out() -> None:
    pos = np.concatenate([np.eye(3), [[np.nan] * 3]])
    mesh = validate(Raw(pos, np.array([[0, 1, 2], [0, 1, 3]])), "shape")
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == [[0, 1, 2]]
    assert "1 of 2 faces" in mesh.notes[0]


def test_a_mesh_keeps_the_normals_and_colors_of_its_vertices() -> None:
    color = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    mesh = validate(Raw(np.eye(3), _FACES, normal=np.eye(3) * 2, color=color), "shape")
    assert mesh.normal is not None and mesh.color is not None
    assert torch.equal(mesh.normal, torch.eye(3))
    assert mesh.color.tolist() == color.tolist()
