"""Tables of numbers, a point a row: text of any separator, NPY and NPZ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Array, Raw
from pcea.formats.rows import is_number, number_rows, read_text

_NORMALS = (("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z"))
_COLORS = (("r", "g", "b"), ("red", "green", "blue"))


def read_rows(path: Path) -> Raw:
    """Read text: x y z [nx ny nz] …, separated by spaces, tabs, commas or semicolons.

    Lines that are empty or start with ``#`` are left out. One header line may come first: a number
    of points, or the names of the columns, which then say where x, y, z, the normals (nx, ny, nz)
    and the colours (r, g, b) stand. Without names, columns 4 to 6 are normals if their lengths are
    1 or 0, and colours if they are whole numbers up to 255 and the last columns.
    """
    lines, line_of = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        line = line.partition("#")[0].strip()
        if line:
            lines.append(line)
            line_of.append(number)
    if not lines:
        raise InputError(f"{path}: it holds no points")
    lines = _split_columns(lines)
    names: list[str] = []
    first = lines[0].lstrip("/").split()  # CloudCompare starts its header with "//"
    if not any(map(is_number, first)) or (len(first) == 1 and first[0].isdecimal()):
        names = [name.strip("\"'").lower() for name in first]
        lines, line_of = lines[1:], line_of[1:]
    if not lines:
        raise InputError(f"{path}: it holds no points")
    width = len(lines[0].split())
    if width < 3:
        raise InputError(
            f"{path}, line {line_of[0]}: it has {width} numbers where at least 3 (x y z) are needed"
        )
    table = number_rows(lines, line_of, width, path, exact=True)
    if len(names) == width and {"x", "y", "z"} <= set(names):
        return _by_name(dict(zip(names, table.T, strict=True)))
    return _by_place(table, path)


def read_npy(path: Path) -> Raw:
    """Read an (N, 3) array of points, or (N, 6 or more) with the normals in columns 4 to 6."""
    with _load(path, b"\x93NUMPY") as table:
        return _by_place(_checked(table, path), path)


def read_npz(path: Path) -> Raw:
    """Read an array pos, points, xyz or data, and normal and color if they are there."""
    with _load(path, b"PK") as archive:
        known = [key for key in ("pos", "points", "xyz", "data") if key in archive]
        if not known:
            raise InputError(
                f"{path}: it holds {', '.join(archive) or 'nothing'};"
                " its points should be named pos, points, xyz or data"
            )
        raw = _by_place(_checked(archive[known[0]], path), path)
        normal, color = (
            next((archive[key] for key in (name, f"{name}s") if key in archive), None)
            for name in ("normal", "color")
        )
    for name, value in (("normal", normal), ("color", color)):
        if value is not None and value.shape != raw.pos.shape:
            raise InputError(f"{path}: its {name} has shape {value.shape}, not {raw.pos.shape}")
    return Raw(
        pos=raw.pos,
        normal=raw.normal if normal is None else _checked(normal, path),
        color=raw.color if color is None else _color(color),
    )


def _split_columns(lines: list[str]) -> list[str]:
    """Turn every separator into a space, and a decimal comma into a point."""
    text = "\n".join(lines)
    if any(map(_has_decimal_commas, lines[:100])):
        text = text.replace(",", ".")
    return text.replace(",", " ").replace(";", " ").split("\n")


def _has_decimal_commas(line: str) -> bool:
    fields = re.split(r"[;\s]+", line)
    return len(fields) >= 3 and any(re.search(r"\d,\d", field) for field in fields)


@contextmanager
def _load(path: Path, start: bytes) -> Iterator[Any]:
    with path.open("rb") as file:
        # What has another start, numpy takes for a pickle, and proposes to trust it.
        if file.read(len(start)) != start:
            raise InputError(f"{path}: it is no {path.suffix} file: is it renamed?")
        file.seek(0)
        yield np.load(file, allow_pickle=False)


def _checked(table: Array, path: Path) -> Array:
    if table.dtype.kind not in "fiu":
        raise InputError(f"{path}: it holds {table.dtype}; real numbers are needed")
    if table.ndim != 2 or table.shape[1] < 3:
        raise InputError(f"{path}: its array has shape {table.shape}; (N, 3) or (N, 6) is needed")
    return table


def _by_name(columns: Mapping[str, Array]) -> Raw:
    def stack(*choices: Sequence[str]) -> Array | None:
        for names in choices:
            if all(name in columns for name in names):
                return np.stack([columns[name] for name in names], axis=1)
        return None

    pos, color = stack("xyz"), stack(*_COLORS)
    assert pos is not None
    return Raw(pos=pos, normal=stack(*_NORMALS), color=None if color is None else _color(color))


def _by_place(table: Array, path: Path) -> Raw:
    pos, width = table[:, :3], table.shape[1]
    if width >= 6:
        extra = table[:, 3:6].astype(np.float64)
        length = np.linalg.norm(extra, axis=1)
        # Normals of two decimals are off by up to 0.009; those that are not finite are unknown.
        if (~(np.abs(length - 1) > 0.02) | (length == 0)).all():
            return Raw(pos=pos, normal=extra)
    if width == 6:
        return Raw(pos=pos, color=_color(table[:, 3:]))
    if width == 7 and path.suffix.lower() == ".pts":  # scanners write: x y z intensity r g b
        return Raw(pos=pos, color=_color(table[:, 4:]))
    return Raw(pos=pos)


def _color(values: Array) -> Array | None:
    """Take colours of 0 to 255, or fractions of 0 to 1; anything else is no colour."""
    if values.dtype == np.uint8:
        return values
    values = values.astype(np.float64)
    if not ((values >= 0) & (values <= 255)).all():
        return None
    if (values == values.round()).all() and values.max(initial=0) > 1:
        return values.astype(np.uint8)
    return (values * 255).round().astype(np.uint8) if values.max(initial=0) <= 1 else None
