from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read, write_npz

_BOX = np.array([[x, y, z] for z in (0, 3) for x, y in ((0, 0), (1, 0), (1, 2), (0, 2))], float)
_FACES = np.array([[0, 1, 2], [0, 2, 3], [4, 6, 5], [4, 7, 6], [0, 4, 5]])
_QUADS = np.array([[0, 1, 2, 3], [4, 7, 6, 5]])


def _read(folder: Path, array: Any) -> Cloud:
    np.save(folder / "cloud.npy", array)
    cloud = read(folder / "cloud.npy")
    assert isinstance(cloud, Cloud)
    return cloud


def _read_npz(folder: Path, **arrays: Any) -> Cloud | Mesh:
    np.savez(folder / "shape.npz", **arrays)
    return read(folder / "shape.npz")


@pytest.mark.parametrize("columns", [3, 4, 6, 7])
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.float32, ">f4", ">f8"])
def test_npy_reads(tmp_path: Path, columns: int, dtype: Any) -> None:
    table = np.random.default_rng(0).normal(size=(20, columns))
    if columns >= 6:
        table[:, 3:6] /= np.linalg.norm(table[:, 3:6], axis=1, keepdims=True)
    table = table.astype(dtype)
    for order in (table, np.asfortranarray(table)):
        cloud = _read(tmp_path, order)
        np.testing.assert_array_equal(cloud.pos.numpy(), table[:, :3].astype(np.float32))
        if columns >= 6:
            assert cloud.normal is not None
            np.testing.assert_allclose(cloud.normal.numpy(), table[:, 3:6], atol=2e-3)
        else:
            assert cloud.normal is None


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, ">i2"])
def test_whole_numbers_read(tmp_path: Path, dtype: Any) -> None:
    assert _read(tmp_path, _BOX.astype(dtype)).pos.tolist() == _BOX.tolist()


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.tile(_BOX.T, 5), id="npy/3n"),
        pytest.param(_BOX[None], id="one cloud of a batch"),
        pytest.param(_BOX[:, None], id="OpenCV"),
        pytest.param(
            np.array([tuple(row) for row in _BOX], [("x", "f4"), ("y", "f4"), ("z", "f4")]),
            id="npy/struct",
        ),
        pytest.param(
            np.array(
                [(0, *row[::-1]) for row in _BOX],
                [("i", "i4"), ("Z", "f8"), ("Y", ">f4"), ("X", "f2")],
            ),
            id="other fields",
        ),
        pytest.param(
            np.array([(row,) for row in _BOX], [("xyz", "f4", (3,))]), id="a field of three"
        ),
        pytest.param(
            np.array([tuple(row) for row in _BOX], [("x", "f4"), ("y", "f4"), ("z", "f4")]).reshape(
                2, 4
            ),
            id="an organized cloud",
        ),
    ],
)
def test_the_box_reads_from_npy(tmp_path: Path, array: Any) -> None:
    pos = _read(tmp_path, array).pos
    assert pos[:8].tolist() == _BOX.tolist()
    assert len(pos) == array.size // (1 if array.dtype.names else 3)


def test_case_npy_n9_s3dis_has_its_colors(tmp_path: Path) -> None:
    color = np.tile([10, 20, 30], (8, 1))
    cloud = _read(tmp_path, np.concatenate((_BOX, color, _BOX / 3), axis=1))
    assert cloud.pos.tolist() == _BOX.tolist()
    assert cloud.color is not None
    assert cloud.color.tolist() == color.tolist()
    assert "columns: x y z = 1 2 3, colors = 4 5 6, not used: 7, 8, 9" in cloud.notes


def test_records_bring_normals_and_colors(tmp_path: Path) -> None:
    kinds = [(n, "f4") for n in ("x", "y", "z", "nx", "ny", "nz")] + [
        (n, "u1") for n in ("red", "green", "blue")
    ]
    cloud = _read(tmp_path, np.array([(*row, 0, 0, 2, 1, 1, 0) for row in _BOX], kinds))
    assert cloud.normal is not None and cloud.color is not None
    assert cloud.normal.tolist() == [[0, 0, 1]] * 8
    assert cloud.color.tolist() == [[1, 1, 0]] * 8  # of 8 bits, not fractions


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 5, 3)), r"shape \(2, 5, 3\): save one cloud"),
        (np.zeros((3, 2)), r"shape \(3, 2\)"),
        (np.zeros(6), r"shape \(6,\)"),
        (np.random.default_rng(0).random((3, 8)), r"\(3, 8\), which may be 3 points or \(3, N\)"),
        (np.random.default_rng(0).random((6, 8)), r"may be 6 points or \(3, N\)"),
        (np.zeros((9, 512)), "512 columns and no names"),
        (np.array([["a", "b", "c"]]), "<U1; real numbers"),
        (np.zeros((4, 3), complex), "complex128; real numbers"),
        (np.ones((4, 3), bool), "bool; real numbers"),
        (np.array([[None, {}, 1]], object), "may be damaged or renamed"),
        (np.zeros((0, 3)), "holds no points"),
        (np.zeros(4, [("x", "f4"), ("y", "f4")]), "names only x y"),
        (np.zeros(4, [("a", "f4"), ("b", "f4")]), "its points should be named"),
    ],
)
def test_what_is_wrong_in_npy_is_said(tmp_path: Path, array: Any, message: str) -> None:
    np.save(tmp_path / "cloud.npy", array)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "cloud.npy")


@pytest.mark.parametrize(
    "key", ["pos", "points", "xyz", "data", "pc", "Points", "arr_0", "coord", "verts", "anything"]
)
def test_points_are_found_by_name_or_because_nothing_else_can_be_them(
    tmp_path: Path, key: str
) -> None:
    cloud = _read_npz(tmp_path, label=np.arange(8), name=np.array("box"), **{key: _BOX})
    assert isinstance(cloud, Cloud)
    assert cloud.pos.tolist() == _BOX.tolist()
    assert cloud.notes == (f"arrays: positions = {key}, not used: label, name",)


def test_x_y_and_z_may_be_arrays_of_their_own(tmp_path: Path) -> None:
    x, y, z = _BOX.T
    cloud = _read_npz(tmp_path, z=z, x=x, y=y, more=np.eye(2))
    assert isinstance(cloud, Cloud)
    assert cloud.pos.tolist() == _BOX.tolist()


@pytest.mark.parametrize(
    ("normal", "color"), [("normal", "color"), ("normals", "colors"), ("Normals", "rgb")]
)
def test_normals_and_colors_are_found_by_name(tmp_path: Path, normal: str, color: str) -> None:
    values = np.full((8, 3), 7, np.uint8)
    cloud = _read_npz(tmp_path, pos=_BOX, other=_BOX * 9, **{normal: values * 1.0, color: values})
    assert cloud.normal is not None and cloud.color is not None
    np.testing.assert_allclose(cloud.normal.numpy(), 3**-0.5, rtol=1e-6)
    assert cloud.color.tolist() == values.tolist()


@pytest.mark.parametrize(
    "arrays",
    [
        pytest.param({"vertices": _BOX, "faces": _FACES}, id="npy/mesh"),
        {"pos": _BOX, "face": _FACES.T},  # PyTorch Geometric
        {"pos": _BOX, "face": _FACES},
        {"verts": _BOX, "faces": _FACES.astype(np.uint32)},
        {"v": _BOX, "f": _FACES},
        {"points": _BOX, "triangles": _FACES.astype(float)},
        {"points": _BOX, "faces": np.insert(_FACES, 0, 3, axis=1).ravel()},  # VTK
        {"points": _BOX, "faces": np.insert(_FACES, 0, 3, axis=1)},
        {"vertices": _BOX, "faces": np.insert(_FACES, 3, -1, axis=1)},
    ],
)
def test_faces_make_a_mesh(tmp_path: Path, arrays: dict[str, Any]) -> None:
    mesh = _read_npz(tmp_path, **arrays)
    assert isinstance(mesh, Mesh)
    assert mesh.vertices.tolist() == _BOX.tolist()
    assert mesh.faces.tolist() == _FACES.tolist()


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_faces_of_pytorch_geometric_are_read(tmp_path: Path, count: int) -> None:
    mesh = _read_npz(tmp_path, pos=_BOX, face=_FACES[:count].T)
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == _FACES[:count].tolist()


def test_three_faces_are_read_as_the_name_says(tmp_path: Path) -> None:
    three = _FACES[:3]
    for name, faces in (("face", three.T), ("faces", three)):
        mesh = _read_npz(tmp_path, pos=_BOX, **{name: faces})
        assert isinstance(mesh, Mesh)
        assert mesh.faces.tolist() == three.tolist()


@pytest.mark.parametrize("faces", [_QUADS, np.insert(_QUADS, 0, 4, axis=1).ravel()])
def test_quads_are_cut(tmp_path: Path, faces: Any) -> None:
    mesh = _read_npz(tmp_path, vertices=_BOX, faces=faces)
    assert isinstance(mesh, Mesh)
    corners = _BOX[mesh.faces.numpy()]
    area = (
        np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        )
        / 2
    )
    assert len(area) == 4 and area.sum() == 4


def test_normals_of_faces_are_not_those_of_vertices(tmp_path: Path) -> None:
    mesh = _read_npz(tmp_path, vertices=_BOX, faces=_FACES, normals=np.ones((5, 3)))
    assert isinstance(mesh, Mesh)
    assert mesh.normal is None


def test_what_segment_writes_reads(tmp_path: Path) -> None:
    write_npz(
        tmp_path / "parts.npz",
        pos=_BOX,
        part=np.arange(8),
        probability=np.full(8, 0.5),
        part_names=["leg", "seat"],
        category="Chair",
        up="y",
        faces=_FACES,
        face_part=np.arange(5),
        face_probability=np.full(5, 0.5),
        sample_pos=np.ones((99, 3)),
        sample_face=np.zeros(99, int),
        sample_part=np.zeros(99, int),
    )
    mesh = read(tmp_path / "parts.npz")
    assert isinstance(mesh, Mesh)
    assert mesh.vertices.tolist() == _BOX.tolist()
    assert mesh.faces.tolist() == _FACES.tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"left": _BOX, "right": _BOX}, r"holds left \(8, 3\), right \(8, 3\); its points"),
        ({"label": np.arange(8)}, r"it holds label \(8,\); its points should be named"),
        ({}, "it holds nothing"),
        ({"pos": np.eye(3), "normal": np.eye(2)}, r"normal has shape \(2, 2\), not \(3, 3\)"),
        ({"pos": np.eye(3), "colors": np.ones((2, 3))}, r"color has shape \(2, 3\), not \(3, 3\)"),
        ({"pos": np.array([[None, {}, 1]], object)}, "may be damaged or renamed"),
        ({"pos": _BOX, "faces": np.eye(5)}, r"faces has shape \(5, 5\)"),
        ({"pos": _BOX, "faces": _FACES / 2}, "whole numbers are needed"),
        ({"pos": _BOX, "faces": _FACES + 4}, "refers to vertex 11"),
        ({"pos": _BOX, "faces": np.array([3, 0, 1])}, "is no list of faces"),
        ({"x": np.ones(4), "y": np.ones(4), "z": np.ones(5)}, "differ in length"),
    ],
)
def test_what_is_wrong_in_npz_is_said(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        _read_npz(tmp_path, **arrays)


def test_the_real_cases_read(real_data: Path) -> None:
    for path in sorted((real_data / "cases" / "npy").iterdir()):
        shape = read(path)
        assert isinstance(shape, Mesh) == (path.name == "mesh.npz")
        pos = shape.vertices if isinstance(shape, Mesh) else shape.pos
        assert np.unique(pos.numpy(), axis=0).tolist() == np.unique(_BOX, axis=0).tolist()
