from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, read
from pcea.formats.pcd import _decompress


def _header(layout: str, points: int, kind: str = "F", size: int = 4) -> bytes:
    lines = [
        "# .PCD v0.7",
        "VERSION 0.7",
        "FIELDS x y z",
        f"SIZE {size} {size} {size}",
        f"TYPE {kind} {kind} {kind}",
        f"WIDTH {points}",
        "HEIGHT 1",
        "VIEWPOINT 0 0 0 1 0 0 0",
        f"POINTS {points}",
        f"DATA {layout}\n",
    ]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(("text", "compressed"), [(True, False), (False, False), (False, True)])
def test_a_cloud_of_open3d_reads(
    open3d: ModuleType, tmp_path: Path, text: bool, compressed: bool
) -> None:
    rng = np.random.default_rng(0)
    pos, normal = rng.integers(-8, 8, size=(2, 3000, 3)) / 8  # repeats, for the compression
    normal[:, 2] += 2
    color = rng.integers(256, size=(3000, 3))
    made = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(pos))
    made.normals = open3d.utility.Vector3dVector(normal)
    made.colors = open3d.utility.Vector3dVector(color / 255)
    path = tmp_path / "cloud.pcd"
    open3d.io.write_point_cloud(str(path), made, write_ascii=text, compressed=compressed)
    cloud = read(path)
    assert isinstance(cloud, Cloud)
    assert cloud.normal is not None
    assert cloud.color is not None
    np.testing.assert_allclose(cloud.pos.numpy(), pos, atol=1e-6)
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    np.testing.assert_allclose(cloud.normal.numpy(), unit, atol=1e-6)
    np.testing.assert_array_equal(cloud.color.numpy(), color)


@pytest.mark.parametrize(("kind", "size", "dtype"), [("F", 8, "<f8"), ("I", 2, "<i2")])
def test_doubles_and_whole_numbers_read(tmp_path: Path, kind: str, size: int, dtype: str) -> None:
    pos = np.arange(15).reshape(5, 3)
    path = tmp_path / "cloud.pcd"
    path.write_bytes(_header("binary", 5, kind, size) + pos.astype(dtype).tobytes())
    cloud = read(path)
    assert isinstance(cloud, Cloud)
    assert cloud.pos.tolist() == pos.tolist()


def test_padding_and_colours_in_floats_read(tmp_path: Path) -> None:
    header = (
        "FIELDS x y z _ rgb _\nSIZE 4 4 4 1 4 1\nTYPE F F F U F U\nCOUNT 1 1 1 4 1 12\n"
        "WIDTH 2\nHEIGHT 1\nDATA binary\n"
    )
    layout = [("pos", "<f4", 3), ("a", "u1", 4), ("rgb", "<u4"), ("b", "u1", 12)]
    table = np.zeros(2, layout)
    table["pos"], table["rgb"] = [[1, 2, 3], [4, 5, 6]], [0x102030, 0xFF00FF]
    (tmp_path / "cloud.pcd").write_bytes(header.encode() + table.tobytes())
    cloud = read(tmp_path / "cloud.pcd")
    assert isinstance(cloud, Cloud)
    assert cloud.color is not None
    assert cloud.pos.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert cloud.color.tolist() == [[0x10, 0x20, 0x30], [255, 0, 255]]
    assert cloud.normal is None


def test_compression_by_hand() -> None:
    # "ab", then 6 bytes from 2 back: it copies what it is writing; then 10 from 1 back, long form
    assert _decompress(bytes([1, 97, 98, 4 << 5, 1, 7 << 5, 1, 0])) == b"ab" + b"ababab" + b"b" * 10
    assert _decompress(bytes([1, 97, 98, 4 << 5, 9])) == b"ab"  # refers to before the beginning
    assert _decompress(bytes([1, 97, 98, 4 << 5])) == b"ab"  # ends within a reference


_DATA = np.arange(15, dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xd8\xff\xe0\n JFIF\n\n", "no PCD header"),
        (_header("ascii", 5, kind="Q"), "no PCD header"),
        (_header("ascii", 5).replace(b"x y z", b"x y"), "no PCD header"),
        (_header("ascii", 5).replace(b"x y z", b"u v w"), "truncated"),
        (_header("binary", 5).replace(b"x y z", b"u v w") + _DATA, "fields are u, v, w"),
        (_header("morse", 5), "DATA is 'morse'"),
        (_header("binary", 5) + _DATA[:-1], "announces 5 points and holds 4"),
        (_header("ascii", 3) + b"1 2 3\n4 5 6\n", "announces 3 points and holds 2"),
        (_header("ascii", 2) + b"1 2 3\n4 5\n", "line 12: it has 2 numbers where 3"),
        (_header("binary_compressed", 5) + b"\x09", "compressed data end too early"),
        (_header("binary_compressed", 5) + b"\x09\0\0\0\x3c\0\0\0abc", "end too early"),
        (_header("binary_compressed", 5) + b"\x03\0\0\0\x3c\0\0\0\x01ab", "are damaged"),
        (_header("ascii", 2, kind="I") + b"1 2 3\nnan 0 0\n", "1 of its 2 points have NaN"),
        (_header("ascii", 2) + b"1 2 3\nnan nan nan\n", "1 of its 2 points have NaN"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "cloud.pcd"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(path)
