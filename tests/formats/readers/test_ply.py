import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import trimesh

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read

_POINTS = [[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 2, 0]]
_POLYGONS = [[0, 1, 2], [0, 2, 4, 3]]
_TRIANGLES = [[0, 1, 2], [0, 2, 4], [0, 4, 3]]


def _header(
    form: str, faces: str = "element face 2\nproperty list uchar int vertex_indices"
) -> str:
    return (
        f"ply\nformat {form} 1.0\ncomment made by hand\nobj_info none\nelement vertex 5\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"{faces}\nproperty uchar flag\nelement edge 0\nend_header\n"
    )


def _mixed(form: str) -> bytes:
    """A triangle and a quad, with a number after each list: what Blender may write."""
    if form == "ascii":
        points = "".join(f"{x} {y} {z}\n" for x, y, z in _POINTS)
        faces = "".join(f"{len(p)} {' '.join(map(str, p))} 7\n" for p in _POLYGONS)
        return (_header(form) + points + faces).encode()
    order = "<" if "little" in form else ">"
    points = b"".join(struct.pack(f"{order}3f", *point) for point in _POINTS)
    faces = b"".join(struct.pack(f"{order}B{len(p)}iB", len(p), *p, 7) for p in _POLYGONS)
    return _header(form).encode() + points + faces


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_polygons_of_mixed_size_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / "mixed.ply"
    path.write_bytes(_mixed(form))
    mesh = read(path)
    assert isinstance(mesh, Mesh)
    assert mesh.vertices.tolist() == _POINTS
    assert mesh.faces.tolist() == _TRIANGLES


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_it_agrees_with_trimesh(tmp_path: Path, encoding: str) -> None:
    expected = trimesh.creation.icosphere(subdivisions=2)
    expected.visual.vertex_colors = [10, 20, 30, 255]
    expected.export(tmp_path / "ball.ply", encoding=encoding, vertex_normal=True)
    mesh = read(tmp_path / "ball.ply")
    assert isinstance(mesh, Mesh)
    np.testing.assert_allclose(mesh.vertices.numpy(), expected.vertices, atol=1e-6)
    np.testing.assert_array_equal(mesh.faces.numpy(), expected.faces)


@pytest.mark.parametrize("text", [True, False])
def test_a_cloud_of_open3d_keeps_normals_and_colors(
    open3d: ModuleType, tmp_path: Path, text: bool
) -> None:
    rng = np.random.default_rng(0)
    pos, normal = rng.normal(size=(2, 50, 3))
    color = rng.integers(256, size=(50, 3))
    made = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(pos))
    made.normals = open3d.utility.Vector3dVector(normal)
    made.colors = open3d.utility.Vector3dVector(color / 255)
    open3d.io.write_point_cloud(str(tmp_path / "cloud.ply"), made, write_ascii=text)
    cloud = read(tmp_path / "cloud.ply")
    assert isinstance(cloud, Cloud)
    assert cloud.normal is not None
    assert cloud.color is not None
    np.testing.assert_allclose(cloud.pos.numpy(), pos, atol=1e-5)  # text has 6 digits
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    np.testing.assert_allclose(cloud.normal.numpy(), unit, atol=1e-5)
    np.testing.assert_array_equal(cloud.color.numpy(), color)


@pytest.mark.parametrize(
    ("kind", "values"), [("float", "0.2 1 0"), ("ushort", "13107 65535 0"), ("uchar", "51 255 0")]
)
def test_colors_of_any_range_come_as_bytes(tmp_path: Path, kind: str, values: str) -> None:
    names = "".join(f"property {kind} {name}\n" for name in ("red", "green", "blue"))
    text = (
        "ply\nformat ascii 1.0\nelement vertex 2\nproperty double x\nproperty double y\n"
        f"property double z\n{names}end_header\n0 0 0 {values}\n1 0 0 {values}\n"
    )
    (tmp_path / "cloud.ply").write_text(text)
    cloud = read(tmp_path / "cloud.ply")
    assert isinstance(cloud, Cloud)
    assert cloud.color is not None
    assert cloud.color.tolist() == [[51, 255, 0]] * 2


_TEXT = _mixed("ascii").decode()


def _free(text: str) -> str:
    """All data in one line."""
    head, end, body = text.partition("end_header\n")
    return head + end + body.replace("\n", " ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xd8\xff\xe0 JFIF", "does not start with 'ply'"),
        (b"ply\nformat ascii 1.0\nelement vertex 3\n", "header is truncated"),
        (b"ply\nend_header\n", "header is truncated or has no format"),
        (b"ply\nformat octal 1.0\n", "line 2: 'format octal 1.0' is no line"),
        (b"ply\nformat ascii 1.0\nproperty float x\n", "line 3: 'property float x'"),
        (b"ply\nformat ascii 1.0\nelement vertex many\n", "line 3: 'element vertex many'"),
        (b"ply\nformat ascii 1.0\nend_header\n", "no x, y and z"),
        (_TEXT.replace("1 1 0", "1 1"), "line 16: it holds more or fewer numbers"),
        (_TEXT.replace("1 1 0", "1 1 I"), "line 16: 'I' is not a number"),
        (_TEXT.replace("3 0 1 2 7", "3 0 1"), "line 19: it holds more or fewer numbers"),
        (_TEXT.replace("3 0 1 2 7", "3 0 1 two 7"), "line 19: 'two' is not a number"),
        (_TEXT.replace("3 0 1 2 7", "3 0 1 9 7"), "vertex 9 "),
        (
            _TEXT.replace("4 0 2 4 3 7\n", ""),
            "announces 2 .*'face' and ends after 1",
        ),
        (_mixed("binary_little_endian")[:-1], "truncated .*'face' and ends after 1"),
        (_mixed("binary_big_endian")[:-40], "truncated .*'vertex' and ends after 4"),
        (_TEXT.replace("3 0 1 2 7", "3 0 1 1.5 7"), "no whole number"),
        (_TEXT.replace("3 0 1 2 7", "-3 0 1 2 7"), "damaged: .*'face' and ends after 0"),
        (_TEXT.replace("3 0 1 2 7", "2.5 0 1 2 7"), "damaged: .*'face' and ends after 0"),
        (_TEXT.replace("vertex 5", "vertex -5"), "line 5: 'element vertex -5'"),
        (_free(_TEXT)[:-3], "truncated"),
        (_free(_TEXT) + "1 2", "more or fewer numbers"),
        (_TEXT.replace("0.5 2 0", "0.5 2 0 9"), "truncated or damaged"),
        (_TEXT.replace("0.5 2 0", "comment\n0.5 2 0"), "line 18: 'comment' is not a number"),
        (_TEXT + "and a last word\n", "line 21: 'and' is not a number"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "shape.ply"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=message):
        read(path)


def _pairs(text: str) -> str:
    """Two records a line."""
    head, end, body = text.partition("end_header\n")
    rows = body.splitlines()
    return head + end + "".join(" ".join(rows[i : i + 2]) + "\n" for i in range(0, len(rows), 2))


@pytest.mark.parametrize(
    "text",
    [
        _free(_TEXT),
        _pairs(_TEXT),
        _TEXT.replace("4 0 2 4 3 7", "4 0 2\n4 3\n7"),
        _TEXT.replace("end_header\n", "end_header\n\n  \n"),
        _TEXT.replace("\n", "\r\n"),
        _TEXT.replace("\n", "\r"),
        "\ufeff" + _TEXT,
        _TEXT.replace("ply", "PLY").replace("element vertex", "ELEMENT Vertex"),
    ],
    ids=[
        *("one line", "two a line", "wrapped", "blank", "crlf", "cr", "mark"),
        "capitals",
    ],
)
def test_white_space_is_free_in_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "shape.ply").write_bytes(text.encode())
    mesh = read(tmp_path / "shape.ply")
    assert isinstance(mesh, Mesh)
    assert mesh.vertices.tolist() == _POINTS
    assert mesh.faces.tolist() == _TRIANGLES


def test_a_missing_number_never_shifts_the_rest(tmp_path: Path) -> None:
    # Read one after the other, the numbers would come out even.
    text = _TEXT.replace("3 0 1 2 7", "3 0 1")
    (tmp_path / "shape.ply").write_text(text)
    with pytest.raises(InputError, match="line 19"):
        read(tmp_path / "shape.ply")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_binary_data_begin_behind_the_line_end_that_the_header_has(
    tmp_path: Path, end: str
) -> None:
    # The first byte of the data is a line end of the other kind.
    other = b"\n" if end == "\r" else b"\r"
    number = struct.unpack("<f", other + b"\0\0\x41")[0]
    head, mark, body = _mixed("binary_little_endian").partition(b"end_header\n")
    body = struct.pack("<f", number) + body[4:]
    content = (head + mark).replace(b"\n", end.encode()) + body
    (tmp_path / "shape.ply").write_bytes(content)
    mesh = read(tmp_path / "shape.ply")
    assert isinstance(mesh, Mesh)
    assert mesh.vertices[0].tolist() == [pytest.approx(number), 0, 0]
    assert mesh.vertices[1:].tolist() == _POINTS[1:]


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_a_mesh_keeps_normals_and_colors_under_any_name(tmp_path: Path, form: str) -> None:
    layout = [("xyz", "f8", 3), ("normal", "f4", 3), ("more", "f4", 2), ("color", "u1", 4)]
    table = np.zeros(3, [(name, ">" * ("big" in form) + kind, n) for name, kind, n in layout])
    table["xyz"] = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    table["normal"], table["color"] = [0, 0, -4], [[1, 0, 1, 255], [0, 1, 0, 255], [1, 1, 0, 255]]
    names = [("double", "X Y Z"), ("float", "normal_x Normal_Y NORMAL_Z u v")]
    names += [("uchar", "diffuse_red diffuse_green diffuse_blue alpha")]
    head = "".join(f"property {kind} {name}\n" for kind, text in names for name in text.split())
    head = (
        f"ply\nformat {form} 1.0\nelement face 1\nproperty list uchar short vertex_index\n"
        f"property list uchar float texcoord\nproperty uchar red\nelement vertex 3\n{head}"
        "element camera 1\nproperty float view\nend_header\n"
    )
    if form == "ascii":
        rows = [" ".join(str(v) for part in row for v in np.ravel(part)) for row in table]
        data = "\n".join(["3 0 1 2 2 0.5 0.5 9", *rows, "7", ""]).encode()
    else:
        order = ">" if "big" in form else "<"
        face = struct.pack(order + "B3hB2fB", 3, 0, 1, 2, 2, 0.5, 0.5, 9)
        data = face + table.tobytes() + struct.pack(order + "f", 7)
    (tmp_path / "shape.ply").write_bytes(head.encode() + data)
    mesh = read(tmp_path / "shape.ply")
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == [[0, 1, 2]]
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert mesh.normal is not None
    assert mesh.color is not None
    assert mesh.normal.tolist() == [[0, 0, -1]] * 3
    # They are bytes: 1 is nearly black, and no fraction.
    assert mesh.color.tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 0]]


def test_text_keeps_more_digits_than_its_type_holds(tmp_path: Path) -> None:
    text = (
        "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\n"
        "property float z\nend_header\n500000.125 4649776.375 7\n500001.25 4649777.5 8\n"
    )
    (tmp_path / "map.ply").write_text(text)
    cloud = read(tmp_path / "map.ply")
    assert isinstance(cloud, Cloud)
    assert cloud.file_pos.tolist() == [[500000.125, 4649776.375, 7], [500001.25, 4649777.5, 8]]


def test_range_grids_and_empty_faces_are_clouds(tmp_path: Path) -> None:
    text = (
        "ply\nformat ascii 1.0\nobj_info num_cols 2\nelement vertex 2\nproperty float x\n"
        "property float y\nproperty float z\nproperty list uchar float echoes\n"
        "element range_grid 3\nproperty list uchar int vertex_indices\nelement face 0\n"
        "property list uchar int vertex_indices\nend_header\n"
        "0 0 0 1 5\n1 1 1 2 6 7\n1 0\n0\n1 1\n"
    )
    (tmp_path / "scan.ply").write_text(text)
    cloud = read(tmp_path / "scan.ply")
    assert isinstance(cloud, Cloud)
    assert cloud.pos.tolist() == [[0, 0, 0], [1, 1, 1]]


def test_strips_and_faces_of_one_file_are_put_together(tmp_path: Path) -> None:
    text = _TEXT.replace(
        "element edge 0", "element tristrips 1\nproperty list int int vertex_indices"
    )
    (tmp_path / "shape.ply").write_text(text + "5 0 1 2 3 4\n")
    mesh = read(tmp_path / "shape.ply")
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == [*_TRIANGLES, [0, 1, 2], [2, 1, 3], [2, 3, 4]]


@pytest.mark.parametrize(
    ("form", "more", "note"),
    [
        ("ascii", b"1 2 3\n4 5 6\n", "2 lines after the announced data were left out"),
        ("binary_little_endian", b"more", "4 bytes after the announced data were left out"),
        ("binary_little_endian", b"\n", None),
    ],
)
def test_what_the_header_does_not_announce_is_left_out_with_a_word(
    tmp_path: Path, form: str, more: bytes, note: str | None
) -> None:
    (tmp_path / "shape.ply").write_bytes(_mixed(form) + more)
    mesh = read(tmp_path / "shape.ply")
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == _TRIANGLES
    assert mesh.notes == (() if note is None else (note,))
