"""Read text of any encoding, and the numbers in it at NumPy's speed."""

import codecs
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array

# The byte order mark of UTF-32 begins with that of UTF-16, so UTF-32 is tested first.
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark; lines end in LF."""
    # Bytes in another encoding, as in comments, are replaced.
    return decode(path.read_bytes())


def decode(data: bytes) -> str:
    """Turn the bytes of a text file into text, as :func:`read_text` does."""
    encoding = "utf-32" if data.startswith(_UTF32) else "utf-16"
    if not data.startswith((*_UTF32, *_UTF16)):
        encoding = "utf-8-sig"
    if encoding == "utf-8-sig" and b"\0" in data:
        raise InputError(
            "it is not text, as files of its ending are: is it renamed? (UTF-16 needs its byte"
            " order mark)"
        )
    text = data.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbered(text: str, before: int = 0) -> list[tuple[int, str]]:
    """Number the lines that are not blank; ``before`` is the number of lines before the text."""
    lines = enumerate(text.splitlines(), before + 1)
    return [(number, line) for number, line in lines if not line.isspace() and line]


def number_rows(lines: Sequence[tuple[int, str]], width: int) -> Array:
    """Read the first ``width`` numbers of every line: (len(lines), width) float64."""
    # Each line comes with its number in the file, counted from 1, for the message of an error.
    if not lines:
        return np.empty((0, width))
    try:
        texts = [line for _, line in lines]
        table = np.loadtxt(texts, comments=None, usecols=range(width), ndmin=2)
        if table.shape == (len(lines), width):  # NumPy leaves out blank rows
            return table
    except ValueError:
        pass
    for number, line in lines:
        fields = line.split()
        if len(fields) < width:
            what = f"it has {len(fields)} numbers where {width} are needed"
            raise InputError(f"line {number}: {what}")
        refuse_words(fields[:width], number)
    raise InputError(f"its rows cannot be read as {width} numbers each")


def refuse_words(fields: Iterable[str], line: int) -> None:
    """Raise an InputError if a field of a line is not a number."""
    for field in fields:
        if not is_number(field):
            raise InputError(f"line {line}: {field[:40]!r} is not a number")


def is_number(field: str) -> bool:
    """Tell whether a text is a number, NaN and infinity included."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field  # only Python reads 1_000 as a number


def read_bytes(path: Path) -> bytes:
    """Read a file; text with a byte order mark is converted to UTF-8 without one."""
    data = path.read_bytes()
    return decode(data).encode() if data.startswith((codecs.BOM_UTF8, *_UTF16)) else data


def header_lines(data: bytes) -> Iterator[tuple[str, int]]:
    """Yield each line of a header, stripped, and where the next line starts."""
    # The first line shows how all lines end: with \r alone, as on old Macs, or with \n or \r\n. A
    # \r or \n after the header is binary data.
    end = min((at for at in (data.find(b"\r"), data.find(b"\n")) if at >= 0), default=-1)
    alone = end >= 0 and data[end : end + 1] == b"\r" and data[end + 1 : end + 2] != b"\n"
    mark, start = b"\r" if alone else b"\n", 0
    while (end := data.find(mark, start)) >= 0:
        line = data[start:end].decode("ascii", errors="replace").strip()
        start = end + 1
        yield line, start


def check_records(starts: Array, first: int, begins: Array, used: int) -> int:
    """Raise an InputError if lines and records do not match; count the lines after the records."""
    # `starts` (lines + 1,) has the count of numbers before each line, and their total; `first` is
    # the number of lines before these. `begins` (R,) has the index of each record's first number,
    # and `used` is the count of numbers in all records. In a file with one record per line, a
    # missing number must not shift all records after it. So if the first line is the first record,
    # either each record begins with a line (and long ones continue on the next line), or each line
    # begins with a record (and has several).
    heads = np.append(starts[:-1][np.diff(starts) > 0], starts[-1])
    left, whole = int(np.count_nonzero(heads[:-1] >= used)), used in heads
    if whole and np.array_equal(begins, heads[: len(begins)]):  # one record per line
        return left
    strays = ~np.isin(begins, heads)
    of_lines = len(heads) > 2 and len(begins) > 1 and heads[1] == begins[1]
    several = np.isin(heads[heads < used], begins).all()
    if not whole or (strays.any() and (used < heads[-1] or (of_lines and not several))):
        # The last record that begins at the start of a line.
        last = begins[max(int(strays.argmax()) - 1, 0) if strays.any() else -1]
        line = int(np.searchsorted(starts, last, "right")) + first
        raise InputError(f"line {line}: it holds more or fewer numbers than the header announces")
    return left


def free_numbers(text: str, first: int) -> tuple[Array, Array]:
    """Read all numbers of a text with any white space: (K,) float64, and where lines begin."""
    # `first` is the number of lines before the text. `check_records` takes where the lines begin.
    lines = text.splitlines()
    heads = np.cumsum([0, *(len(line.split()) for line in lines)])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an error since NumPy 2.3
            numbers = np.fromstring(text, sep=" ") if heads[-1] else np.empty(0)
        if len(numbers) == heads[-1]:  # else a field such as "1-2" gave two numbers
            return numbers, heads
    except (ValueError, DeprecationWarning):
        pass
    for number, line in enumerate(lines, first + 1):
        refuse_words(line.split(), number)
    raise InputError("its numbers cannot be read")
