from __future__ import annotations

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
def test_a_cloud_of_open3d_keeps_normals_and_colours(
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
def test_colours_of_any_range_come_as_bytes(tmp_path: Path, kind: str, values: str) -> None:
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
        (_TEXT.replace("1 1 0", "1 1"), "line 16: it has 2 numbers where 3"),
        (_TEXT.replace("1 1 0", "1 1 I"), "line 16: 'I' is not a number"),
        (_TEXT.replace("3 0 1 2 7", "3 0 1"), "line 19: '3 0 1' is no face"),
        (_TEXT.replace("3 0 1 2 7", "3 0 1 two 7"), "line 19: .* is no face"),
        (_TEXT.replace("3 0 1 2 7", "3 0 1 9 7"), "vertex 9 "),
        (_TEXT.replace("4 0 2 4 3 7\n", ""), "truncated: it announces 2 .*'face' and ends after 1"),
        (_mixed("binary_little_endian")[:-1], "truncated: .*'face' and ends after 1"),
        (_mixed("binary_big_endian")[:-40], "truncated: .*'vertex' and ends after 4"),
        (
            _header("ascii", "element tristrips 0\nproperty list int int vertex_indices")
            + "0 0 0\n" * 5,
            "triangle strips",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "shape.ply"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=message):
        read(path)
