"""What every reader hands over, and the checks that all of it must pass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pcea.errors import InputError
from pcea.formats.shape import Cloud, Mesh
from pcea.geometry.surface import face_areas

Array = NDArray[Any]


@dataclass(frozen=True)
class Raw:
    """A file's content before it is checked.

    Args:
        pos: (N, 3) positions, in any real dtype.
        faces: (F, 3) vertex indices counted from 0; none for a cloud.
        normal: (N, 3) normals of any length; none where the file has none.
        color: (N, 3) uint8 colours; none where the file has none.
    """

    pos: Array
    faces: Array | None = None
    normal: Array | None = None
    color: Array | None = None


def validate(raw: Raw, path: Path) -> Mesh | Cloud:
    """Check a file's content and turn it into tensors.

    Normals are brought to unit length; those that are zero or not finite become zero: unknown.

    Args:
        raw: what a reader found.
        path: the file, for the message and the name.

    Returns:
        A mesh where there are faces, else a cloud.

    Raises:
        InputError: no points, NaN or infinite coordinates, coordinates that float32 cannot hold,
            fewer than two different points, a face that refers to no vertex, no face with an area.
    """
    pos = _positions(raw.pos, path)
    if raw.faces is not None and len(raw.faces):
        faces = _faces(raw.faces, pos, path)
        return Mesh(vertices=pos, faces=faces, name=path.stem)
    return Cloud(
        pos=pos,
        normal=None if raw.normal is None else _unit(raw.normal),
        color=None if raw.color is None else torch.from_numpy(np.array(raw.color, np.uint8)),
        name=path.stem,
    )


def _positions(values: Array, path: Path) -> torch.Tensor:
    if values.ndim != 2 or values.shape[1] != 3:
        raise InputError(f"{path}: its positions have shape {values.shape}, not (N, 3)")
    if not len(values):
        raise InputError(f"{path}: it holds no points")
    good = np.isfinite(values).all(1)  # (N,)
    if not good.all():
        raise InputError(
            f"{path}: {(~good).sum()} of its {len(values)} points have NaN or infinite coordinates"
            f" (the first is point {int(good.argmin())}, counted from 0): remove them first"
        )
    if len(values) == 1:
        raise InputError(f"{path}: it holds a single point; at least 2 different points are needed")
    values = values.astype(np.float64, copy=False)
    reach = np.abs(values).max()
    if reach > np.finfo(np.float32).max:
        raise InputError(f"{path}: its coordinates reach {reach:.3g}, beyond float32: scale them")
    size = np.ptp(values, axis=0).max()
    if size == 0:
        raise InputError(
            f"{path}: all of its {len(values)} points are equal;"
            " at least 2 different points are needed"
        )
    # Map coordinates, say: float32 would round them onto a coarse grid without a word.
    if np.spacing(np.float32(reach)) > size / 500:
        raise InputError(
            f"{path}: its coordinates reach {reach:.6g} over a size of only {size:.3g}, finer than"
            " float32 can tell apart there: subtract their offset first"
        )
    return torch.from_numpy(values.astype(np.float32))


def _faces(values: Array, pos: torch.Tensor, path: Path) -> torch.Tensor:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= len(pos):
        wrong = low if low < 0 else high
        raise InputError(
            f"{path}: a face refers to vertex {wrong} (counted from 0),"
            f" but there are {len(pos)} vertices"
        )
    faces = torch.from_numpy(values.astype(np.int64))
    if not (face_areas(pos, faces) > 0).any():
        raise InputError(f"{path}: none of its {len(faces)} faces has an area")
    return faces


def _unit(normal: Array) -> torch.Tensor:
    known = np.isfinite(normal).all(1) & normal.any(1)  # (N,)
    found = normal[known].astype(np.float64)
    found /= np.abs(found).max(1, keepdims=True)  # the squares of huge and tiny ones stay in range
    unit = np.zeros(normal.shape, np.float32)
    unit[known] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return torch.from_numpy(unit)
