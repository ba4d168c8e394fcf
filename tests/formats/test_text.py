import codecs
from pathlib import Path

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats.text import (
    check_records,
    decode,
    free_numbers,
    header_lines,
    read_bytes,
    read_text,
)

_TEXT = "v 1 2.5 3\n# Größe\nv 4 5 6\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-32"],
)
def test_text_of_every_encoding_and_line_end_reads(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "a.obj").write_bytes(_TEXT.replace("\n", end).encode(encoding))
    assert read_text(tmp_path / "a.obj") == _TEXT


def test_marks_of_the_other_byte_order_are_understood() -> None:
    assert decode(codecs.BOM_UTF16_BE + _TEXT.encode("utf-16-be")) == _TEXT
    assert decode(codecs.BOM_UTF32_BE + _TEXT.encode("utf-32-be")) == _TEXT


def test_a_comment_in_latin_1_does_no_harm() -> None:
    assert decode(_TEXT.encode("latin-1")).splitlines()[2] == "v 4 5 6"


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)),
        b"1 2 3\n\0",
        b"\0" * 64,
        "1 2 3\n".encode("utf-16-le"),
        b"\x00\x00\x80\x3f" * 50,
    ],
)
def test_what_is_not_text_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"it is not text, as files of its ending are"):
        decode(data)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_as_the_first_one_does(end: bytes) -> None:
    data = b"ply" + end + b" two \t" + end + end + b"end" + end + b"\r\n\0"
    lines = header_lines(data)
    assert [next(lines)[0] for _ in range(3)] == ["ply", "two", ""]
    last, start = next(lines)
    assert (last, data[start:]) == ("end", b"\r\n\0")


def test_what_has_no_line_end_has_no_lines() -> None:
    assert list(header_lines(b"ply")) == []


def test_a_mark_of_the_encoding_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"\xef\xbb\xbfply\n")
    assert read_bytes(tmp_path / "a.ply") == b"ply\n"
    (tmp_path / "a.ply").write_bytes(b"ply\n\xff\0")
    assert read_bytes(tmp_path / "a.ply") == b"ply\n\xff\0"


def test_numbers_come_one_after_the_other() -> None:
    numbers, heads = free_numbers("1 2\n\n3e0\t-4 nan", 7)
    np.testing.assert_array_equal(numbers, [1, 2, 3, -4, np.nan])
    assert heads.tolist() == [0, 2, 2, 5]
    for text, wrong in (
        ("1 2\n3 two", "line 9: 'two'"),
        ("1-2", "line 8: '1-2'"),
        ("1 0x2", "0x2"),
    ):
        with pytest.raises(InputError, match=f"{wrong}.* is not a number"):
            free_numbers(text, 7)


@pytest.mark.parametrize(
    ("text", "begins", "used", "left"),
    [
        ("1 2\n3 4\n5 6", [0, 2, 4], 6, 0),
        ("1 2\n3 4 5 6", [0, 2, 4], 6, 0),  # two records a line
        ("1 2\n3\n4", [0, 2], 4, 0),  # a record on two lines
        ("1 2\n3 4 5\n6", [0, 2, 4], 6, None),
        ("1 2 3\n4 5\n6", [0, 2, 4], 6, 0),  # lines mean nothing
        ("1 2\n3 4\n5 6\n\n7", [0, 2], 4, 2),
        ("1 2 9\n3 4 9", [0, 2], 4, None),
        ("1 2\n3 4 9", [0, 2], 4, None),
    ],
)
def test_records_may_begin_with_lines_or_lines_with_records(
    text: str, begins: list[int], used: int, left: int | None
) -> None:
    heads = free_numbers(text, 0)[1]
    if left is not None:
        assert check_records(heads, 0, np.array(begins), used) == left
    else:
        with pytest.raises(InputError, match="it holds more or fewer numbers"):
            check_records(heads, 0, np.array(begins), used)
