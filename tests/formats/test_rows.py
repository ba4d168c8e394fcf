from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from pcea.errors import InputError
from pcea.formats.text import decode, read_text

_TEXT = "v 1 2.5 3\n# Größe\nv 4 5 6\n"
_PATH = Path("a.obj")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
def test_text_of_every_encoding_and_line_end_reads(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "a.obj").write_bytes(_TEXT.replace("\n", end).encode(encoding))
    assert read_text(tmp_path / "a.obj") == _TEXT


def test_marks_of_the_other_byte_order_are_understood() -> None:
    assert decode(codecs.BOM_UTF16_BE + _TEXT.encode("utf-16-be"), _PATH) == _TEXT
    assert decode(codecs.BOM_UTF32_BE + _TEXT.encode("utf-32-be"), _PATH) == _TEXT


def test_a_comment_in_latin_1_does_no_harm() -> None:
    assert decode(_TEXT.encode("latin-1"), _PATH).splitlines()[2] == "v 4 5 6"


@pytest.mark.parametrize(
    "data", [bytes(range(256)), b"1 2 3\n\0", b"\0" * 64, b"\x00\x00\x80\x3f" * 50]
)
def test_what_is_not_text_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"a\.obj: it is not text, as a \.obj file"):
        decode(data, _PATH)
