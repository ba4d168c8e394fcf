from pathlib import Path

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, read

_POINTS = [[1, 2.5, 3], [4, 5, 6]]
_BOX = [[x, y, z] for z in (0, 3) for x, y in ((0, 0), (1, 0), (1, 2), (0, 2))]


def _read(folder: Path, text: str | bytes, name: str = "cloud.txt") -> Cloud:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    cloud = read(folder / name)
    assert isinstance(cloud, Cloud)
    return cloud


def _rows(separator: str = " ", after: str = "", before: str = "") -> str:
    return "".join(before + separator.join(map(str, row)) + after + "\n" for row in _BOX)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param(
            "a.asc", "//X Y Z R G B\n8\n" + _rows(after=" 10 20 30"), id="cc_header_count"
        ),
        pytest.param(
            "a.csv",
            ",x,y,z\n" + "".join(f"{i},{x},{y},{z}\n" for i, (x, y, z) in enumerate(_BOX)),
            id="csv_index",
        ),
        pytest.param("a.csv", "x,y,z,label\n" + _rows(",", ",chair"), id="csv_label_text"),
        pytest.param("a.csv", "x,y,z\n" + _rows(",") + "nan,nan,nan\n", id="csv_nan"),
        pytest.param("a.xyz", _rows().replace("1 ", "1.0D+00 "), id="fortran"),
        pytest.param("a.txt", _rows(", ", "]", "["), id="brackets"),
        pytest.param(
            "a.csv",
            "Name;Easting;Northing;Height\n"
            + "".join(f"{i};{x};{y};{z}\n" for i, (x, y, z) in enumerate(_BOX)),
            id="survey_penz",
        ),
        pytest.param(
            "a.txt",
            "".join(f"{x} {y} {z} {7 + 100 * i} 10 20 30\n" for i, (x, y, z) in enumerate(_BOX)),
            id="semantic3d",
        ),
        pytest.param(
            "a.xyz",
            "".join(f"{x} {y} {z} {7 + 10 * i} 10 20 30\n" for i, (x, y, z) in enumerate(_BOX)),
            id="xyz_int_rgb",
        ),
        pytest.param("a.txt", _rows(after=" 10 20 30 0 0 1"), id="xyzrgb_nxnynz"),
        pytest.param("a.xyzrgb", _rows(after=" 0.0392157 0.0784314 0.117647"), id="a.xyzrgb"),
        pytest.param("a.txt", _rows().encode("utf-16"), id="utf16"),
    ],
)
def test_the_box_of_a_case_reads(tmp_path: Path, name: str, text: str | bytes) -> None:
    cloud = _read(tmp_path, text, name)
    assert cloud.file_pos.tolist() == _BOX
    wide = b"10 20 30" in (text.encode() if isinstance(text, str) else text) or "rgb" in name
    assert (None if cloud.color is None else cloud.color.tolist()) == (
        [[10, 20, 30]] * 8 if wide else None
    )
    has_normals = isinstance(text, str) and "0 0 1\n" in text
    assert (None if cloud.normal is None else cloud.normal.tolist()) == (
        [[0, 0, 1]] * 8 if has_normals else None
    )


def test_case_thousands_are_grouped_in_quotes(tmp_path: Path) -> None:
    text = 'x,y,z\n"1,234.5","2,000.1","3"\n"1,235.5","2,001.1","4"\n'
    pos = _read(tmp_path, text, "a.csv").file_pos.numpy()
    np.testing.assert_allclose(pos, [[1234.5, 2000.1, 3], [1235.5, 2001.1, 4]], atol=1e-6)


def test_case_utm_keeps_its_digits(tmp_path: Path) -> None:
    text = "431234.125 5403280.500 312.250\n431235.125 5403282.500 315.250\n"
    cloud = _read(tmp_path, text)
    assert cloud.file_pos.tolist() == [
        [431234.125, 5403280.5, 312.25],
        [431235.125, 5403282.5, 315.25],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1 2.5 3\n4 5 6\n",
        "1,2.5,3\n4,5,6",
        "1, 2.5, 3\r\n4, 5, 6\r\n",
        "1 2.5 3\r4 5 6\r",  # old Macs
        "1\t2.5\t3\n4\t5\t6\n",
        "1;2.5;3\n4;5;6\n",
        "1|2.5|3\n4|5|6\n",
        "| x | y | z |\n|---|---|---|\n| 1 | 2.5 | 3 |\n| 4 | 5 | 6 |\n",
        "1;2,5;3\n4;5;6\n",  # a decimal comma
        "1,0 2,5 3,0\n4,0 5,0 6,0\n",
        "1,0\t2,5\t3,0\n4\t5\t6\n",
        "sep=;\nx;y;z\n1;2,5;3\n4;5;6\n",  # Excel
        "  1   2.5  3e0 \n\n+4 5 .6e1\n",
        "1  ,  2.5,3\n4,5,6",
        "1 2.5 3;\n4 5 6;\n",
        "1,2.5,3,\n4,5,6,\n",
        "# a cloud, 2 points\n1 2.5 3  # first\n#\n4 5 6\n",
        "% MATLAB\n1 2.5 3\n4 5 6\n",
        "; made by hand\n1 2.5 3\n; half\n4 5 6\n",
        "// one\n1 2.5 3\n// two\n4 5 6\n",
        "x y z\n1 2.5 3\n4 5 6\n",
        '"X","Y","Z"\n1,2.5,3\n4,5,6\n',
        "'x','y','z'\n'1','2.5','3'\n'4','5','6'\n",
        "//X Y Z\n1 2.5 3\n4 5 6\n",
        "id,z,y,x\n1,3,2.5,1\n2,6,5,4\n",
        "2\n1 2.5 3\n4 5 6\n",  # their number
        "\ufeff1 2.5 3\n4 5 6\n",
        "1 2.5 3 9\n4 5 6 -9\n",  # a column that nobody asked for
        "1.0D0 2.5d+00 3\n4 5 6\n",
        "[[1, 2.5, 3], [4, 5, 6]]",
        "[[1.  2.5 3. ]\n [4.  5.  6. ]]",
        "(1, 2.5, 3),\n(4, 5, 6)\n",
        '"V1" "V2" "V3"\n"1" 1 2.5 3\n"2" 4 5 6\n',  # R
        '"x" "y" "z"\n"a" 1 2.5 3\n"b" 4 5 6\n',
        '"","x","y","z"\n"1",1,2.5,3\n"2",4,5,6\n',
        "Var1,Var2,Var3\n1,2.5,3\n4,5,6\n",  # MATLAB
        ",0,1,2\n0,1,2.5,3\n1,4,5,6\n",  # pandas
        "0,1,2\n1.0,2.5,3.0\n4.0,5.0,6.0\n",
        ";x;y;z\n0;1;2,5;3\n1;4;5;6\n",
        "Unnamed: 0,x,y,z\n0,1,2.5,3\n1,4,5,6\n",
        "1 2.5 3 big chair\n4 5 6 table\n",
        "1,2.5,3,chair, old\n4,5,6,table\n",
        "chair 1 2.5 3\ntable 4 5 6\n",
        "2\natoms of water\nC 1 2.5 3\nH 4 5 6\n",  # the chemists' XYZ
        "X (m) Y (m) Z (m)\n1 2.5 3\n4 5 6\n",
        "X Y Z Scalar field\n1 2.5 3 9\n4 5 6 9\n",
        "1.0;2.5;3.0;it's\n4.0;5.0;6.0;\n",
    ],
)
def test_every_spelling_reads(tmp_path: Path, text: str) -> None:
    cloud = _read(tmp_path, text)
    assert cloud.pos.tolist() == _POINTS
    assert cloud.normal is None
    assert cloud.color is None


@pytest.mark.parametrize(
    "text",
    [
        "nan nan nan\n1 2.5 3\n4 5 6\n",
        "NULL,NULL,NULL\n1,2.5,3\n4,5,6\n",
        "1,2.5,#N/A\n1,2.5,3\n4,5,6\n",
        "inf 0 0\n1 2.5 3\n4 5 6\n",
        "x,y,z\n1,,3\n1,2.5,3\n4,5,6\n",
        "x,y,z\n,2,3\n1,2.5,3\n4,5,6\n",
        "x\ty\tz\n\t5\t6\n1\t2.5\t3\n4\t5\t6\n",
        "x;y;z\nNA;5;6\n1;2,5;3\n4;5;6\n",
    ],
)
def test_points_without_a_number_are_left_out_and_counted(tmp_path: Path, text: str) -> None:
    cloud = _read(tmp_path, text)
    assert cloud.pos.tolist() == _POINTS
    assert cloud.row is not None
    assert cloud.row.tolist() == [1, 2]
    assert any("1 of 3 points have no position" in note for note in cloud.notes)


def test_two_separators_at_once_are_both_taken(tmp_path: Path) -> None:
    for row in ("{},0,0 255,0,0\n", "{},0,0;255,0,0\n", "{} 0 0, 255 0 0\n"):
        cloud = _read(tmp_path, row.format(0) + row.format(1))
        assert cloud.pos.tolist() == [[0, 0, 0], [1, 0, 0]]
        assert cloud.color is not None
        assert cloud.color.tolist() == [[255, 0, 0]] * 2


def test_the_decimal_mark_is_that_of_the_whole_file(tmp_path: Path) -> None:
    cloud = _read(tmp_path, "1,250 2,500 3,000\n4,000 5,000 6,000\n")
    assert cloud.pos[0].tolist() == [1.25, 2.5, 3]
    assert any("1,250 is 1.250" in note for note in cloud.notes)
    with pytest.raises(InputError, match=r"'1,234' may be 1.234 or 1234"):
        _read(tmp_path, '"1,234","2,000","3,000"\n"4,000","5,000","6,000"\n')
    for text in ("1,5;2.5;3\n4;5;6\n", "1.234,5;2,5;3\n4;5;6\n", "1,234,567 2 3\n4.5 5 6\n"):
        with pytest.raises(InputError, match="some a decimal point"):
            _read(tmp_path, text)


def test_several_clouds_of_a_scanner_become_one(tmp_path: Path) -> None:
    cloud = _read(tmp_path, "2\n0 0 0 5\n1 0 0 5\n3\n2 0 0 5\n3 0 0 5\n4 0 0 5\n", "a.pts")
    assert cloud.pos[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert not any("announces" in note for note in cloud.notes)


def test_a_number_of_points_that_is_wrong_is_said(tmp_path: Path) -> None:
    assert "it announces 9 points and holds 2" in _read(tmp_path, "9\n1 2 3\n4 5 6\n").notes


def test_a_title_that_was_left_out_is_said(tmp_path: Path) -> None:
    cloud = _read(tmp_path, "My scan\nof Monday\n1 2.5 3\n4 5 6\n")
    assert cloud.pos.tolist() == _POINTS
    assert any("2 of the lines before its first row" in note for note in cloud.notes)


def test_words_and_blanks_far_down_read_as_those_at_the_top_do(tmp_path: Path) -> None:
    rows = [f"{i},{i % 7}.5,0" for i in range(1000)]
    rows[700] = "700,,0"
    rows[800] = "800,1.5,oops"
    with pytest.raises(InputError, match="line 801: 'oops' is not a number"):
        _read(tmp_path, "\n".join(rows))
    rows[800] = ""
    cloud = _read(tmp_path, "\n".join(rows))
    assert len(cloud) == 998
    assert cloud.pos[-1].tolist() == [999, 5.5, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n\n", "holds no points"),
        ("x y z\n", "holds no points"),
        ("These are scans.\nSee the site.\n", "none of its lines is a row"),
        ("1 2\n3 4\n", "line 1: it has 2 numbers where at least 3"),
        ("a 1 2 b\nc 3 4 d\n", "none of its lines is a row"),
        ("# short\n1 2 3\n4 5\n", "line 3: it has 2 numbers where 3 are needed"),
        ("1 2 3\n4 5 6 7\n", "line 2: it has 4 numbers where 3 are needed"),
        ("1 2 3\n4 five 6\n", "line 2: 'five' is not a number"),
        ("1 five 3\n4 5 6\n", "line 1: 'five' is not a number"),
        ("1 2 3\n4 1_0 6\n", "line 2: '1_0' is not a number"),
        ("1,2,3\n1,234,567\n1,5.5.5,3\n", r"line 3: '5\.5\.5' is not a number"),
        ("ncols 4\nnrows 2\n1 2 3 4\n5 6 7 8\n", "a grid of heights"),
        ("x,y,z,name\n1,2,3,a\n4,b,6,c\n", "line 3: 'b' is not a number"),
        ("Point number X Y Z\n7 1 2.5 3\n9 4 5 6\n", "header has 5 names, its rows 4 columns"),
    ],
)
def test_what_is_wrong_in_text_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _read(tmp_path, text)


def test_the_fast_and_the_careful_way_agree(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(300, 3)) * 1000
    plain = "".join("{!r} {!r} {!r}\n".format(*map(float, row)) for row in table)
    careful = plain + "// the end\n"  # numpy knows no such comment
    for text in (plain, careful, plain.replace(" ", ";").replace(".", ",")):
        np.testing.assert_array_equal(_read(tmp_path, text).pos.numpy(), table.astype(np.float32))


def test_the_real_cases_read(real_data: Path) -> None:
    for path in sorted((real_data / "cases" / "xyz").iterdir()):
        cloud = read(path)
        assert isinstance(cloud, Cloud)
        if path.stem == "thousands":
            continue
        low = [431234.125, 5403280.5, 312.25] if path.stem == "utm" else [0, 0, 0]
        assert cloud.file_pos.amin(0).tolist() == low, path
        assert (cloud.file_pos.amax(0) - cloud.file_pos.amin(0)).tolist() == [1, 2, 3], path
        assert len(cloud) == 8, path
        assert (cloud.color is not None) == (
            "rgb" in path.stem or path.stem in ("semantic3d", "cc_header_count")
        )
