from __future__ import annotations

from pathlib import Path

import pytest

from pcea.formats.text import header_lines, read_bytes


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
