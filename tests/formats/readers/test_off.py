from pathlib import Path

import numpy as np
import pytest
import trimesh

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read

_BODY = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 0 1 2\n3 0 2 3\n"


def _write(folder: Path, text: str) -> Path:
    path = folder / "shape.off"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "header", ["OFF\n4 2 0\n", "OFF4 2 0\n", "OFF 4 2 0\n", "off\n4 2\n", "\ufeffOFF\n4 2 5\n"]
)
def test_every_header_in_the_wild_reads(tmp_path: Path, header: str) -> None:
    mesh = read(_write(tmp_path, header + _BODY))
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert mesh.vertices[2].tolist() == [1, 1, 0]


def test_comments_colors_and_larger_polygons_read(tmp_path: Path) -> None:
    text = (
        "COFF  # with colors\n# counts\n\n4 2 0\n0 0 0 255 0 0 255\n1 0 0 0 0 0 0\n1 1 0 0 0 0 0\n"
        "0 1 0 0 0 0 0\n4 0 1 2 3 0.5 0.5 0.5\n2 0 1\n"
    )
    mesh = read(_write(tmp_path, text))
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_it_agrees_with_trimesh(tmp_path: Path) -> None:
    expected = trimesh.creation.annulus(r_min=0.5, r_max=1, height=2)
    expected.export(tmp_path / "ring.off")
    mesh = read(tmp_path / "ring.off")
    assert isinstance(mesh, Mesh)
    np.testing.assert_allclose(mesh.vertices.numpy(), expected.vertices, atol=1e-6)
    np.testing.assert_array_equal(mesh.faces.numpy(), expected.faces)


def test_vertices_alone_are_a_cloud(tmp_path: Path) -> None:
    assert isinstance(read(_write(tmp_path, "OFF\n2 0 0\n0 0 0\n1 1 1\n")), Cloud)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4 2 0\n" + _BODY, "does not start with 'OFF'"),
        ("# nothing\n", "does not start with 'OFF'"),
        ("4OFF\n4 2 0\n" + _BODY, "only 3 can be read"),
        ("OFF\n", "numbers of vertices and faces"),
        ("OFF\nfour 2 0\n" + _BODY, "numbers of vertices and faces"),
        ("OFF\n4 3 0\n" + _BODY, "truncated, .*: 4 vertices and 3 faces"),
        ("OFF\n1 0 0\n0 0\n", "line 3: it has 2 numbers where 3"),
        ("OFF\n4 2 0\n0 0 zero\n" + _BODY[6:], "line 3: 'zero' is not a number"),
        ("OFF\n4 2 0\n" + _BODY[:-3], "line 8: the face has 2 corners, not 3"),
        ("OFF\n4 2 0\n" + _BODY.replace("2 3", "2 x"), "line 8: '3 0 2 x' is not a face"),
        ("OFF\n4 2 0\n" + _BODY.replace("2 3", "2 4"), "vertex 4 .* but there are 4"),
        ("OFF BINARY\n\0\0\0\4", "binary OFF cannot be read"),
        ("OFF 4 2 0 " + _BODY.replace("\n", " ")[:-4], "truncated"),
        ("OFF 4 2 0 " + _BODY.replace("\n", " ").replace("2 3", "2 4"), "truncated"),
        ("OFF 4 2 " + _BODY.replace("\n", " "), "has not one line per vertex and face"),
        ("OFF 4 2 0 " + (_BODY + " 9 9 9").replace("\n", " "), "has not one line per vertex"),
        ("COFF 4 2 0 " + _BODY.replace("\n", " "), "has not one line per vertex and face"),
        ("OFF 4 2 0 " + _BODY.replace("\n", " ").replace("2 3", "2 x"), "truncated"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(_write(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "OFF 4 2 0 " + _BODY.replace("\n", " "),
        "OFF\n4\n2\n0\n" + _BODY.replace(" ", "\n"),
        "OFF\n4 2 0\n" + _BODY[:24].replace("\n", " ") + "\n" + _BODY[24:],
        "OFF\n4 2 0\n" + _BODY.replace("0 1 2\n", "0\n1 2\n"),
        ("OFF\n4 2 0\n" + _BODY).replace("\n", "\r\n"),
        ("OFF\n4 2 0\n" + _BODY).replace("\n", "\r"),
    ],
    ids=[
        *("one line", "a number a line", "vertices in one line", "wrapped face"),
        *("crlf", "cr"),
    ],
)
def test_white_space_is_free(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shape.off"
    path.write_bytes(text.encode())
    mesh = read(path)
    assert isinstance(mesh, Mesh)
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(
    ("keyword", "more", "normal", "color"),
    [
        ("COFF", "10 20 30", None, [10, 20, 30]),
        ("COFF", "10 20 30 255", None, [10, 20, 30]),
        ("COFF", "1 0 0 255", None, [1, 0, 0]),  # the alpha shows that they are bytes
        ("COFF", "1 0 0 1", None, [255, 0, 0]),
        ("COFF", "0.2 1 0 1", None, [51, 255, 0]),
        ("COFF", "", None, None),
        ("NOFF", "0 0 2", [0, 0, 1], None),
        ("CNOFF", "0 2 0 10 20 30", [0, 1, 0], [10, 20, 30]),
        ("NCOFF", "0 2 0 10 20 30 255", [0, 1, 0], [10, 20, 30]),
        ("STOFF", "0.1 0.9", None, None),
        ("STCNOFF", "2 0 0 10 20 30 0.1 0.9", [1, 0, 0], [10, 20, 30]),
        ("CSTOFF", "10 20 30 255 0.1 0.9", None, [10, 20, 30]),
    ],
)
def test_normals_and_colors_of_vertices_are_kept(
    tmp_path: Path,
    keyword: str,
    more: str,
    normal: list[int] | None,
    color: list[int] | None,
) -> None:
    rows = _BODY.splitlines()
    text = "\n".join([keyword, "4 2 0", *(f"{row} {more}" for row in rows[:4]), *rows[4:], ""])
    mesh = read(_write(tmp_path, text))
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert (mesh.normal is None) == (normal is None)
    assert mesh.normal is None or mesh.normal.tolist() == [normal] * 4
    assert (mesh.color is None) == (color is None)
    assert mesh.color is None or mesh.color.tolist() == [color] * 4


def test_concave_polygons_are_cut_as_they_are(tmp_path: Path) -> None:
    text = "OFF\n4 1 0\n0 2 0\n0 0 0\n2 0 0\n.3 .3 0\n4 0 1 2 3\n"
    mesh = read(_write(tmp_path, text.replace("4 0 1 2 3", "4 2 3 0 1")))
    assert isinstance(mesh, Mesh)
    assert sorted(map(sorted, mesh.faces.tolist())) == [[0, 1, 3], [1, 2, 3]]
