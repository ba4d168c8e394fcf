from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, read, write_npz


def _read(folder: Path, text: str, name: str = "cloud.txt") -> Cloud:
    (folder / name).write_text(text)
    cloud = read(folder / name)
    assert isinstance(cloud, Cloud)
    return cloud


@pytest.mark.parametrize(
    "text",
    [
        "1 2.5 3\n4 5 6\n",
        "1,2.5,3\n4,5,6",
        "1, 2.5, 3\r\n4, 5, 6\r\n",
        "1\t2.5\t3\n4\t5\t6\n",
        "1;2.5;3\n4;5;6\n",
        "1;2,5;3\n4;5;6\n",  # a decimal comma
        "1,0 2,5 3,0\n4,0 5,0 6,0\n",
        "  1   2.5  3e0 \n\n+4 5 .6e1\n",
        "# a cloud, 2 points\n1 2.5 3  # first\n#\n4 5 6\n",
        "x y z\n1 2.5 3\n4 5 6\n",
        '"X","Y","Z"\n1,2.5,3\n4,5,6\n',
        "//X Y Z\n1 2.5 3\n4 5 6\n",
        "id,z,y,x\n1,3,2.5,1\n2,6,5,4\n",  # columns by their names
        "2\n1 2.5 3\n4 5 6\n",  # their number
        "\ufeff1 2.5 3\n4 5 6\n",
        "1 2.5 3 9\n4 5 6 -9\n",  # a column that nobody asked for
    ],
)
def test_every_separator_and_header_reads(tmp_path: Path, text: str) -> None:
    cloud = _read(tmp_path, text)
    assert cloud.pos.tolist() == [[1, 2.5, 3], [4, 5, 6]]
    assert cloud.normal is None
    assert cloud.color is None


@pytest.mark.parametrize(
    "text",
    [
        "0 0 0 0 0.6 0.8\n1 0 0 0 0 0\n",
        "0 0 0 0 0.6 0.8 12\n1 0 0 0 0 0 13\n",  # ShapeNetPart: the part comes last
        "0 0 0 0 0.6 0.8\n1 0 0 nan nan nan\n",
        "x y z nx ny nz\n0 0 0 0 6 8\n1 0 0 0 0 0\n",
    ],
)
def test_normals_read_and_unknown_ones_are_zero(tmp_path: Path, text: str) -> None:
    cloud = _read(tmp_path, text)
    assert cloud.normal is not None
    np.testing.assert_allclose(cloud.normal.numpy(), [[0, 0.6, 0.8], [0, 0, 0]], rtol=1e-6)
    assert cloud.color is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("0 0 0 0 128 255\n1 0 0 9 9 9\n", "cloud.txt"),
        ("2\n0 0 0 -77 0 128 255\n1 0 0 5 9 9 9\n", "cloud.pts"),  # with an intensity
        ("x,y,z,b,g,r\n0,0,0,255,128,0\n1,0,0,9,9,9\n", "cloud.csv"),
    ],
)
def test_colours_are_not_taken_for_normals(tmp_path: Path, text: str, name: str) -> None:
    cloud = _read(tmp_path, text, name)
    assert cloud.color is not None
    assert cloud.color.tolist() == [[0, 128, 255], [9, 9, 9]]
    assert cloud.normal is None


def test_fractions_are_colours_where_the_header_says_so(tmp_path: Path) -> None:
    cloud = _read(tmp_path, "x y z r g b\n0 0 0 0 0.2 1\n1 0 0 0 0 0\n")
    assert cloud.color is not None
    assert cloud.color.tolist() == [[0, 51, 255], [0, 0, 0]]


@pytest.mark.parametrize("extra", ["-5 0.5 3", "300 2 1", "0.5 7 1"])
def test_what_is_neither_is_left_out(tmp_path: Path, extra: str) -> None:
    cloud = _read(tmp_path, f"0 0 0 {extra}\n1 0 0 {extra}\n")
    assert cloud.normal is None
    assert cloud.color is None


@pytest.mark.parametrize("columns", [3, 4, 6, 7])
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.float32])
def test_npy_reads(tmp_path: Path, columns: int, dtype: Any) -> None:
    table = np.random.default_rng(0).normal(size=(20, columns))
    if columns >= 6:
        table[:, 3:6] /= np.linalg.norm(table[:, 3:6], axis=1, keepdims=True)
    table = table.astype(dtype)
    np.save(tmp_path / "cloud.npy", table)
    cloud = read(tmp_path / "cloud.npy")
    assert isinstance(cloud, Cloud)
    np.testing.assert_array_equal(cloud.pos.numpy(), table[:, :3].astype(np.float32))
    if columns >= 6:
        assert cloud.normal is not None
        np.testing.assert_allclose(cloud.normal.numpy(), table[:, 3:6], atol=2e-3)
    else:
        assert cloud.normal is None


@pytest.mark.parametrize("key", ["pos", "points", "xyz", "data"])
def test_npz_reads(tmp_path: Path, key: str) -> None:
    pos, normal = np.eye(3), np.eye(3)[::-1] * 2
    color = np.full((3, 3), 7, np.uint8)
    write_npz(tmp_path / "cloud.npz", other=pos * 9, normal=normal, color=color, **{key: pos})
    cloud = read(tmp_path / "cloud.npz")
    assert isinstance(cloud, Cloud)
    assert cloud.normal is not None
    assert cloud.color is not None
    assert cloud.pos.tolist() == pos.tolist()
    assert cloud.normal.tolist() == (normal / 2).tolist()
    assert cloud.color.tolist() == color.tolist()


def test_npz_of_points_alone_reads(tmp_path: Path) -> None:
    np.savez(tmp_path / "cloud.npz", points=np.eye(3))
    cloud = read(tmp_path / "cloud.npz")
    assert isinstance(cloud, Cloud)
    assert cloud.normal is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n\n", "holds no points"),
        ("x y z\n", "holds no points"),
        ("1 2\n3 4\n", "line 1: it has 2 numbers where at least 3"),
        ("# short\n1 2 3\n4 5\n", "line 3: it has 2 numbers where 3 are needed"),
        ("1 2 3\n4 5 6 7\n", "line 2: it has 4 numbers where 3 are needed"),
        ("1 2 3\n4 five 6\n", "line 2: 'five' is not a number"),
        ("1 2 3\n4 1_0 6\n", "line 2: '1_0' is not a number"),
        ("H 1 2 3\n", "line 1: 'H' is not a number"),
        ("x y z\nx y z\n1 2 3\n", "line 2: 'x' is not a number"),
    ],
)
def test_what_is_wrong_in_text_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _read(tmp_path, text)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 5, 3)), r"shape \(2, 5, 3\)"),
        (np.zeros((3, 2)), r"shape \(3, 2\)"),
        (np.zeros(6), r"shape \(6,\)"),
        (np.array([["a", "b", "c"]]), "<U1; real numbers"),
        (np.zeros((4, 3), complex), "complex128; real numbers"),
        (np.array([[None, {}, 1]], object), "may be damaged or renamed"),
        (np.zeros((0, 3)), "holds no points"),
    ],
)
def test_what_is_wrong_in_npy_is_said(tmp_path: Path, array: Any, message: str) -> None:
    np.save(tmp_path / "cloud.npy", array)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "cloud.npy")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vertices": np.eye(3)}, "it holds vertices; its points should be named"),
        ({}, "it holds nothing"),
        ({"pos": np.eye(3), "normal": np.eye(2)}, r"normal has shape \(2, 2\), not \(3, 3\)"),
        ({"pos": np.eye(3), "colors": np.ones(3)}, r"color has shape \(3,\), not \(3, 3\)"),
        ({"pos": np.array([[None, {}, 1]], object)}, "may be damaged or renamed"),
    ],
)
def test_what_is_wrong_in_npz_is_said(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "cloud.npz", **arrays)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "cloud.npz")
