"""PCD clouds of the Point Cloud Library: text, binary and compressed."""

from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.columns import find_fields, in_type
from pcea.formats.raw import Array, Raw, register_format
from pcea.formats.text import header_lines, number_rows, numbered, read_bytes


@register_format("pcd")
def read_pcd(path: Path) -> Raw:
    """Read a PCD file, with its normals and colors if it has them."""
    # A field rgb or rgba has the 32 bits 0xAARRGGBB. In text, its type tells how, as in PCL and
    # Open3D: with type U or I, 4210752 is the integer 0x404040; with type F, 4.2108e+06 is the
    # float32 with the bits 0x8080E0.
    data = read_bytes(path)
    words: dict[str, list[str]] = {}
    start = lines = 0
    for line, following in header_lines(data):
        key, *rest = line.split() or [""]
        words[key.upper()] = rest
        start, lines = following, lines + 1
        if key.upper() == "DATA":
            break
    try:
        # Before version .6, the header has COLUMNS instead of FIELDS.
        names = [name.lower() for name in words.get("FIELDS") or words["COLUMNS"]]
        sizes = words.get("SIZE", ["4"] * len(names))
        kinds = words.get("TYPE", ["F"] * len(names))
        types = [f"<{kind.lower()}{size}" for kind, size in zip(kinds, sizes, strict=True)]
        counts = [int(count) for count in words.get("COUNT", ["1"] * len(names))]
        # Padding fields share the name "_", so the record's fields are named by their index.
        fields = zip(map(str, range(len(names))), types, [(n,) for n in counts], strict=True)
        record, layout = np.dtype([*fields]), words["DATA"][0].lower()
        points = int((words.get("POINTS") or ["-1"])[0])
        if points < 0:
            points = int(words["WIDTH"][0]) * int(words["HEIGHT"][0])
        if points < 0 or min(counts) < 1 or any(type[1] not in "iuf" for type in types):
            raise ValueError
    except (KeyError, IndexError, ValueError, TypeError):
        raise InputError("it has no PCD header that can be read: is it renamed?") from None
    rows, body = list[tuple[int, str]](), data[start:]
    if layout == "ascii":
        rows = numbered(body.decode("ascii", errors="replace"), lines)
        held = len(rows)
    elif layout in ("binary", "binary_compressed"):
        if layout != "binary":
            body = _decompressed(body, points * record.itemsize)
        held = len(body) // record.itemsize
    else:
        raise InputError(f"its DATA is {layout[:40]!r}, which no PCD has")
    if held < points:
        raise InputError(f"it is truncated: it announces {points} points and holds {held}")
    if layout == "ascii":
        table = number_rows(rows[:points], sum(counts))
        columns = np.split(table, np.cumsum(counts)[:-1], axis=1)
    elif layout == "binary":
        records = np.frombuffer(body, record, points)
        columns = [records[name] for name in record.names or ()]
    else:  # one field after the other
        parts = [record[place] for place in range(len(names))]
        starts = np.cumsum([0, *(points * part.itemsize for part in parts)])
        columns = [
            np.frombuffer(body, part.base, points * part.shape[0], at).reshape(points, -1)
            for part, at in zip(parts, starts, strict=False)
        ]
    known: dict[str, Array] = {}
    packed: Array | None = None
    for name, type, column in zip(names, types, columns, strict=True):
        if name in ("rgb", "rgba") and column.shape[1] == 1:
            packed = _bits(column[:, 0], type)
        else:
            known.setdefault(name, in_type(column[:, 0], type))
    found = find_fields(known)
    if not found:
        raise InputError(f"its fields are {', '.join(names)}; x, y and z are needed")
    if packed is not None:
        color = np.stack([packed >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)
        found.setdefault("color", color)
    more = len(rows) - points
    notes = (f"it announces {points} points; {more} rows after them were left out",)
    return Raw(**found, notes=notes if more > 0 else ())


def _decompressed(body: bytes, needed: int) -> bytes:
    size = int.from_bytes(body[:4], "little")
    if len(body) < 8 + size:
        raise InputError("it is truncated: its compressed data end too early")
    plain = _decompress(body[8 : 8 + size])
    if len(plain) != needed:
        raise InputError("its compressed data are damaged")
    return plain


def _decompress(data: bytes) -> bytes:
    """Decompress LZF; damaged data give a wrong length."""
    out = bytearray()
    at, end = 0, len(data)
    while at < end:
        control = data[at]
        at += 1
        if control < 32:  # copy that many bytes plus one
            out += data[at : at + control + 1]
            at += control + 1
            continue
        length, extra = control >> 5, 2 if control >> 5 == 7 else 1
        if at + extra > end:
            break
        if length == 7:
            length += data[at]
        back = ((control & 31) << 8) + data[at + extra - 1] + 1
        at += extra
        length += 2
        if back > len(out):
            break
        piece = out[-back:][:length]
        out += (piece * (length // len(piece) + 1))[:length]  # it may repeat its own output
    return bytes(out)


def _bits(packed: Array, type: str) -> Array:
    """Convert to (N,) uint32 0xAARRGGBB; ``type`` is the one in the header."""
    if type == "<f4":
        return np.ascontiguousarray(packed.astype(np.float32)).view(np.uint32)
    whole = np.nan_to_num(packed, nan=0.0) if packed.dtype.kind == "f" else packed
    return (whole.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32)
