"""Text, whatever its encoding, and the numbers in it, read at the speed of C."""

import codecs
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array

# The mark of UTF-32 begins with that of UTF-16, so it is looked for first.
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, or marked as UTF-16 or UTF-32; every line ends in a line feed."""
    # Comments in another encoding do no harm.
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
    """The lines that are not blank, with their numbers; ``before`` is how many stand before."""
    lines = enumerate(text.splitlines(), before + 1)
    return [(number, line) for number, line in lines if not line.isspace() and line]


def number_rows(lines: Sequence[tuple[int, str]], width: int) -> Array:
    """Read the first numbers of every line: (len(lines), width) float64."""
    # Each line comes with its number in the file, counted from 1, for the message.
    if not lines:
        return np.empty((0, width))
    try:
        texts = [line for _, line in lines]
        table = np.loadtxt(texts, comments=None, usecols=range(width), ndmin=2)
        if table.shape == (len(lines), width):  # numpy leaves out rows that are blank
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
    """Refuse a line of which a field is no number."""
    for field in fields:
        if not is_number(field):
            raise InputError(f"line {line}: {field[:40]!r} is not a number")


def is_number(field: str) -> bool:
    """Tell whether a piece of text is a number (NaN and infinity count)."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field  # 1_000 is a number to Python only


def read_bytes(path: Path) -> bytes:
    """Read a file; one that is marked as text of another encoding comes as UTF-8, unmarked."""
    data = path.read_bytes()
    return decode(data).encode() if data.startswith((codecs.BOM_UTF8, *_UTF16)) else data


def header_lines(data: bytes) -> Iterator[tuple[str, int]]:
    """Yield each line of a header, stripped, and where the next starts; binary data may follow."""
    # The first line shows how all of them end: by \r alone as on old Macs, else by \n, before which
    # a \r may stand. A \r or \n that follows the header is data.
    end = min((at for at in (data.find(b"\r"), data.find(b"\n")) if at >= 0), default=-1)
    alone = end >= 0 and data[end : end + 1] == b"\r" and data[end + 1 : end + 2] != b"\n"
    mark, start = b"\r" if alone else b"\n", 0
    while (end := data.find(mark, start)) >= 0:
        line = data[start:end].decode("ascii", errors="replace").strip()
        start = end + 1
        yield line, start


def check_records(starts: Array, first: int, begins: Array, used: int) -> int:
    """Refuse records that cannot be meant as they were read; count the lines behind them."""
    # `starts` (lines + 1,) says how many numbers stand before each line, and in all, and `first`
    # how many lines stand before them. `begins` (R,) has the place of each record's first number
    # among all numbers; `used` is how many they have together. A number that is missing in a file
    # with a record a line must not shift all that follows. So where the first line is the first
    # record, either each record begins with a line (long ones go on in the next) or each line with
    # a record (several stand in it).
    heads = np.append(starts[:-1][np.diff(starts) > 0], starts[-1])
    left, whole = int(np.count_nonzero(heads[:-1] >= used)), used in heads
    if whole and np.array_equal(begins, heads[: len(begins)]):  # a record a line
        return left
    strays = ~np.isin(begins, heads)
    of_lines = len(heads) > 2 and len(begins) > 1 and heads[1] == begins[1]
    several = np.isin(heads[heads < used], begins).all()
    if not whole or (strays.any() and (used < heads[-1] or (of_lines and not several))):
        # The last record that begins with a line.
        last = begins[max(int(strays.argmax()) - 1, 0) if strays.any() else -1]
        line = int(np.searchsorted(starts, last, "right")) + first
        raise InputError(f"line {line}: it holds more or fewer numbers than the header announces")
    return left


def free_numbers(text: str, first: int) -> tuple[Array, Array]:
    """Read all numbers of a text, however it is spaced, as (K,) float64, and where lines begin."""
    # `first` is how many lines stand before the text; see `check_records` for where lines begin.
    lines = text.splitlines()
    heads = np.cumsum([0, *(len(line.split()) for line in lines)])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # before NumPy 2.3, it is a warning
            numbers = np.fromstring(text, sep=" ") if heads[-1] else np.empty(0)
        if len(numbers) == heads[-1]:  # "1-2" would be two
            return numbers, heads
    except (ValueError, DeprecationWarning):
        pass
    for number, line in enumerate(lines, first + 1):
        refuse_words(line.split(), number)
    raise InputError("its numbers cannot be read")
