from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.formats.raw import Raw, validate

_PATH = Path("folder/shape.ply")
_FACES = np.array([[0, 1, 2]])


def test_a_mesh_has_the_types_that_were_promised() -> None:
    mesh = validate(Raw(np.eye(3), _FACES.astype(np.uint8)), _PATH)
    assert isinstance(mesh, Mesh)
    assert mesh.vertices.dtype == torch.float32
    assert mesh.faces.dtype == torch.int64
    assert mesh.name == "shape"


def test_normals_come_in_unit_length() -> None:
    normal = np.array([[0, 0, 3e200], [np.inf, 0, 1], [0, 0, 0]])
    cloud = validate(Raw(np.eye(3), normal=normal, color=np.eye(3, dtype=np.uint8)), _PATH)
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
        (np.array([[0, 0, 0], [np.nan, 0, 0], [0, np.inf, 0]]), "2 of its 3 points .* is point 1"),
        (np.ones((1, 3)), "a single point"),
        (np.ones((5, 3)), "all of its 5 points are equal"),
        (np.eye(3) * 1e39, "reach 1e.39, beyond float32"),
        (np.eye(3) * 1e308 * [1, -1, 1], "beyond float32"),
        (np.eye(3) + 5e6, "subtract their offset"),
    ],
)
def test_points_that_are_no_shape_are_refused(
    pos: np.ndarray, faces: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InputError, match=f"^folder/shape.ply: .*{message}") as caught:
        validate(Raw(pos, faces), _PATH)
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
        validate(Raw(np.eye(3), np.array(faces)), _PATH)


def test_map_coordinates_of_a_large_site_read() -> None:
    site = np.random.default_rng(0).uniform(0, 2000, size=(100, 3)) + 5e6
    assert isinstance(validate(Raw(site), _PATH), Cloud)
