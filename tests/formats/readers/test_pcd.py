from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, read
from pcea.formats.readers.pcd import _decompress


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


def test_padding_and_colors_in_floats_read(tmp_path: Path) -> None:
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


def _text_header(fields: str, kinds: str, points: int) -> str:
    sizes = " ".join("4" for _ in kinds.split())
    return f"FIELDS {fields}\nSIZE {sizes}\nTYPE {kinds}\nWIDTH {points}\nHEIGHT 1\nDATA ascii\n"


@pytest.mark.parametrize(
    ("fields", "kinds", "row", "color"),
    [
        ("x y z rgb", "F F F U", "4210752", [64, 64, 64]),
        ("x y z rgb", "F F F I", "4210752", [64, 64, 64]),
        ("x y z rgb", "F F F F", "4210752", [128, 128, 128]),
        ("x y z rgb", "f f f f", "4.2108e+06", [128, 128, 224]),
        ("x y z rgba", "F F F U", "4278850582", [10, 20, 22]),  # 0xFF0A1416
        ("x y z rgba", "F F F I", "-16116714", [10, 20, 22]),  # the same bits
        ("X Y Z RGB", "F F F u", "660510", [10, 20, 30]),
        ("x y z red green blue", "F F F U U U", "1 0 1", [1, 0, 1]),
        ("x y z r g b", "F F F F F F", "1 0 0.2", [255, 0, 51]),
        ("x y z Red Green Blue", "F F F U U U", "2570 5140 65535", [10, 20, 255]),
        ("x y z rgb", "F F F U", "nan", [0, 0, 0]),
    ],
)
def test_colors_of_any_kind_read(
    tmp_path: Path, open3d: ModuleType, fields: str, kinds: str, row: str, color: list[int]
) -> None:
    path = tmp_path / "cloud.pcd"
    path.write_text(_text_header(fields, kinds, 2) + f"1 2 3 {row}\n4 5 6 {row}\n")
    cloud = read(path)
    assert isinstance(cloud, Cloud)
    assert cloud.color is not None
    assert cloud.pos.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert cloud.color.tolist() == [color] * 2
    if fields == "x y z rgb" and row != "nan":  # all that Open3D knows
        theirs = open3d.io.read_point_cloud(str(path))
        np.testing.assert_allclose(np.asarray(theirs.colors) * 255, [color] * 2)


@pytest.mark.parametrize(
    "names", ["normal_x normal_y normal_z", "nx ny nz", "NormalX NormalY NormalZ", "NX NY NZ"]
)
def test_normals_under_any_name_read(tmp_path: Path, names: str) -> None:
    text = _text_header(f"x y z {names}", "F F F F F F", 2) + "1 2 3 0 0 2\n4 5 6 0 -3 0\n"
    (tmp_path / "cloud.pcd").write_text(text)
    cloud = read(tmp_path / "cloud.pcd")
    assert isinstance(cloud, Cloud)
    assert cloud.normal is not None
    assert cloud.normal.tolist() == [[0, 0, 1], [0, -1, 0]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("layout", ["ascii", "binary", "BINARY"])
def test_every_line_end_of_the_header_reads(tmp_path: Path, end: str, layout: str) -> None:
    # The bytes of the numbers are line ends of the other kinds.
    pos = np.frombuffer(b"\n\r\n\x41\r\n\r\x41\r\r\r\x41" + b"\n\n\n\x42" * 3, "<f4")
    pos = pos.reshape(2, 3)
    text = "".join(f"{x} {y} {z}\n" for x, y, z in pos.tolist()).replace("\n", end)
    header = f"VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 2\nDATA {layout}\n"
    data = text.encode() if layout == "ascii" else pos.tobytes()
    (tmp_path / "cloud.pcd").write_bytes(header.replace("\n", end).encode() + data)
    cloud = read(tmp_path / "cloud.pcd")
    assert isinstance(cloud, Cloud)
    np.testing.assert_array_equal(cloud.pos.numpy(), pos)


def test_text_keeps_more_digits_than_its_type_holds(tmp_path: Path) -> None:
    text = _text_header("x y z", "F F F", 2) + "500000.125 4649776.375 7\n500001.25 4649777.5 8\n"
    (tmp_path / "map.pcd").write_text(text)
    cloud = read(tmp_path / "map.pcd")
    assert isinstance(cloud, Cloud)
    assert cloud.file_pos.tolist() == [[500000.125, 4649776.375, 7], [500001.25, 4649777.5, 8]]


def test_columns_of_old_versions_are_fields(tmp_path: Path) -> None:
    path = tmp_path / "cloud.pcd"
    old = _header("ascii", 2).replace(b"FIELDS", b"COLUMNS").replace(b"VERSION 0.7", b"VERSION .5")
    path.write_bytes(old + b"1 2 3\n4 5 6\n")
    cloud = read(path)
    assert isinstance(cloud, Cloud)
    assert cloud.pos.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_rows_beyond_the_announced_ones_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "cloud.pcd"
    path.write_bytes(_header("ascii", 2) + b"1 2 3\n4 5 6\n7 8 9\n")
    cloud = read(path)
    assert len(cloud.file_pos) == 2
    assert cloud.notes == ("it announces 2 points; 1 rows after them were left out",)
