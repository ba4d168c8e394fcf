from pathlib import Path

import numpy as np
import pytest
import trimesh

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read

_SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


def _write(folder: Path, text: str) -> Path:
    path = folder / "shape.obj"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "faces",
    [
        "f 1 2 3 4\n",
        "f 1/1 2/1 3/1 4/1\n",
        "f 1//1 2//1 3//1 4//1\n",
        "f\t1/1/1 2/1/1\t3/1/1 4/1/1  # a quad\n",
        "f 1 2 \\\n3 4\n",
        "f -4 -3 -2 -1\n",
        "g one\nusemtl red\nf 1 2 3\ng two\nusemtl blue\nf 1 3 4\n",
    ],
)
def test_every_way_to_write_a_square_reads(tmp_path: Path, faces: str) -> None:
    text = "mtllib missing.mtl\no square\n" + _SQUARE + "vt 0 0\nvn 0 0 1\n" + faces
    mesh = read(_write(tmp_path, text))
    assert isinstance(mesh, Mesh)
    assert len(mesh.vertices) == 4  # no seam splits a vertex
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_relative_indices_count_from_where_they_stand(tmp_path: Path) -> None:
    text = "".join(f"v {x} 0 0\nv {x} 1 0\nv {x} 0 1\nf -3 -2 -1\n" for x in range(3))
    mesh = read(_write(tmp_path, text))
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_it_agrees_with_trimesh(tmp_path: Path) -> None:
    expected = trimesh.creation.torus(1, 0.3)
    expected.export(tmp_path / "torus.obj")
    mesh = read(tmp_path / "torus.obj")
    assert isinstance(mesh, Mesh)
    np.testing.assert_allclose(mesh.vertices.numpy(), expected.vertices, atol=1e-6)
    np.testing.assert_array_equal(mesh.faces.numpy(), expected.faces)


def test_vertices_alone_are_a_cloud_with_normals_and_colors(tmp_path: Path) -> None:
    cloud = read(_write(tmp_path, "v 0 0 0 1 0 0\nv 1 0 0 0 0.5 1\nvn 0 0 2\nvn 1 0 0\n"))
    assert isinstance(cloud, Cloud)
    assert cloud.normal is not None
    assert cloud.color is not None
    assert cloud.normal.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert cloud.color.tolist() == [[255, 0, 0], [0, 128, 255]]


def test_a_cloud_without_more_is_bare(tmp_path: Path) -> None:
    for more in ("", "vn 0 0 1\n"):  # one normal for four points is none
        cloud = read(_write(tmp_path, _SQUARE + more))
        assert isinstance(cloud, Cloud)
        assert cloud.normal is None
        assert cloud.color is None


def test_what_is_no_color_is_left_out(tmp_path: Path) -> None:
    cloud = read(_write(tmp_path, "v 0 0 0 -9 9 9\nv 1 0 0 0 0 0\n"))
    assert isinstance(cloud, Cloud)
    assert cloud.color is None
    assert "colors" in cloud.notes[0]


@pytest.mark.parametrize(
    ("more", "color"),
    [
        ("0.2 1 0", [51, 255, 0]),
        ("10 20 30", [10, 20, 30]),
        ("0.2 1 0 1", [51, 255, 0]),
        ("1 0 0 255", [1, 0, 0]),
        ("1.0", None),  # a weight
        ("", None),
    ],
)
def test_a_mesh_keeps_the_colors_of_its_vertices(
    tmp_path: Path, more: str, color: list[int] | None
) -> None:
    text = _SQUARE.replace("\n", f" {more}\n")
    mesh = read(_write(tmp_path, f"#MRGB ff00ff00ff\n{text}f 1 2 3 4\n"))
    assert isinstance(mesh, Mesh)
    assert (mesh.color is None) == (color is None)
    assert mesh.color is None or mesh.color.tolist() == [color] * 4


def test_a_vertex_gets_the_mean_of_its_corners_normals(tmp_path: Path) -> None:
    text = (
        f"{_SQUARE}v 5 5 5\nvn 0 0 9\nvn 0 1 0\nf 1//1 2//1 3/7/2\n"
        "vn 0 0 -1\nf 1//-1 3/9/-2 4\nf 2//99 3//2 4\n"
    )
    mesh = read(_write(tmp_path, text))
    assert isinstance(mesh, Mesh)
    assert mesh.normal is not None
    # The first has two that cancel, the fourth has none, and the fifth no face.
    expected = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(mesh.normal.numpy(), expected, atol=1e-7)


def test_normals_that_no_face_names_belong_to_the_vertices_in_order(tmp_path: Path) -> None:
    normals = "vn 0 0 1\nvn 0 1 0\nvn 1 0 0\nvn 0 0 -1\n"
    mesh = read(_write(tmp_path, _SQUARE + normals + "f 1 2 3 4\n"))
    assert isinstance(mesh, Mesh)
    assert mesh.normal is not None
    assert mesh.normal.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, -1]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_reads(tmp_path: Path, end: str) -> None:
    text = f"\ufeff# C:\\models\\\n{_SQUARE}f 1 2 \\ \n3 \\\n 4\nl 1 2\np 1\n"
    path = tmp_path / "shape.obj"
    path.write_bytes(text.replace("\n", end).encode())
    mesh = read(path)
    assert isinstance(mesh, Mesh)
    assert len(mesh.vertices) == 4  # the comment did not swallow the first one
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_points_and_lines_are_a_cloud(tmp_path: Path) -> None:
    cloud = read(_write(tmp_path, f"{_SQUARE}p 1 2\np 3\nl 1 2 3 4\n"))
    assert isinstance(cloud, Cloud)
    assert len(cloud) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not found\n", "no line starts with 'v'"),
        (_SQUARE + "v \nv 1 2 3\n", "line 5: it has 0 numbers where 3"),
        ("v 0 0\n", "line 1: it has 2 numbers where 3"),
        (_SQUARE + "v 1 1 one\n", "line 5: 'one' is not a number"),
        (_SQUARE + "f 1 2 x\n", "line 5: '1 2 x' is not a face"),
        (_SQUARE + "f 0 1 2\n", "line 5: .* counted from 1"),
        (_SQUARE + "f 1 2 5\n", r"vertex 4 \(counted from 0\), but there are 4"),
        (_SQUARE + "f 1 2 -5\n", "vertex -1 "),
        (_SQUARE + "f 1 1 2\n", "none of its 1 faces has an area"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(_write(tmp_path, text))


def test_colors_of_some_vertices_are_left_out_with_a_word(tmp_path: Path) -> None:
    text = _SQUARE.replace("v 0 0 0\n", "v 0 0 0 0.2 1 0\n")
    for faces in ("", "f 1 2 3 4\n"):
        shape = read(_write(tmp_path, text + faces))
        assert shape.color is None
        assert shape.notes == (
            "1 of its 4 vertices have colors, not all in the same form; they were left out",
        )


def test_faces_of_two_corners_are_left_out_with_a_word(tmp_path: Path) -> None:
    mesh = read(_write(tmp_path, _SQUARE + "f 1 2\nf 1 2 3\n"))
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == [[0, 1, 2]]
    assert mesh.notes == ("1 of its 2 faces have fewer than 3 corners and were left out",)
