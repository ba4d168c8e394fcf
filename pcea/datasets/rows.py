"""Shapes written as text: a point on each line, its part last."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pcea.datasets.clouds import Clouds
from pcea.datasets.text import read_lines
from pcea.errors import InputError
from pcea.geometry.normalize import unit_sphere

# A label beyond this is a mistake, not a part: no taxonomy is made that large by accident.
MAX_PART = 9999
# What a damaged file holds where it is not NaN. Map coordinates stay far below it.
MAX_COORDINATE = 1e9


def read_shapes(
    files: Sequence[Path],
    categories: Sequence[int],
    parts_of: Sequence[Sequence[int]] | None,
    names: Sequence[str],
) -> Clouds:
    """Read text files of points, each centred and scaled to the unit sphere.

    Args:
        files: lines of ``x y z nx ny nz part``, or of ``x y z part`` (normals are then zero, and
            None where no file has any). A zero normal means that it is not known. Map
            coordinates keep their digits: numbers are read, centred and scaled in float64.
        categories: id of each file's category.
        parts_of: part ids that each category may have; None allows 0 to 9999.
        names: of the categories, for messages.

    Raises:
        InputError: a line that is wrong, with its file and number.
    """
    tables = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an empty file, which is an error here
        for file, category in zip(files, categories, strict=True):
            allowed = None if parts_of is None else parts_of[category]
            tables.append(_read(file, allowed, names[category]))
    normals = None
    if any(table.shape[1] == 7 for table in tables):
        normals = torch.cat(
            [t[:, 3:6].float() if t.shape[1] == 7 else torch.zeros(len(t), 3) for t in tables]
        )
    return Clouds(
        pos=torch.cat([unit_sphere(table[:, :3]).float() for table in tables]),
        ptr=torch.tensor([0] + [len(table) for table in tables]).cumsum(0),
        category=torch.tensor(categories),
        normal=normals,
        part=torch.cat([table[:, -1] for table in tables]).long(),
        names=tuple(f"{file.parent.name}/{file.stem}" for file in files),
    )


def _read(file: Path, allowed: Sequence[int] | None, category: str) -> Tensor:
    """(N, 4 or 7) float64."""
    try:
        rows = np.loadtxt(read_lines(file), dtype=np.float64, comments=None, ndmin=2)
    except (OSError, ValueError):
        rows = np.empty((0, 0))
    if rows.shape[1] in (4, 7) and len(rows) and (np.abs(rows) < MAX_COORDINATE).all():
        part = rows[:, -1]
        if np.isin(part, np.arange(MAX_PART + 1) if allowed is None else allowed).all():
            return torch.from_numpy(rows)
    raise InputError(f"{file}: {_first_fault(file, allowed, category)}")


def _first_fault(file: Path, allowed: Sequence[int] | None, category: str) -> str:
    """Walk a file that is known to be wrong, slowly, for the line to blame."""
    try:
        lines = read_lines(file)
    except (OSError, UnicodeDecodeError):
        return "cannot be read as text"
    columns = 0
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        columns = columns or len(fields)
        if columns not in (4, 7):
            return f"line {number}: {columns} numbers, expected x y z nx ny nz part, or x y z part"
        if len(fields) != columns:
            return f"line {number}: {len(fields)} numbers, expected {columns}"
        try:
            values = [float(field) for field in fields]
        except ValueError:
            return f"line {number}: {line.strip()[:60]!r} is not all numbers"
        if not all(abs(value) < MAX_COORDINATE for value in values):
            return f"line {number}: a value is not finite, or beyond {MAX_COORDINATE:g}"
        if values[-1] not in (range(MAX_PART + 1) if allowed is None else allowed):
            known = f"0 to {MAX_PART}" if allowed is None else ", ".join(map(str, allowed))
            return f"line {number}: part {values[-1]:g} is out of range: {category} has {known}"
    return "holds no point" if not columns else "cannot be read as numbers"
