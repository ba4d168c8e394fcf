"""The content that every reader returns, the registry of readers, and the check of the content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pcea.errors import InputError
from pcea.formats.colors import as_color
from pcea.formats.shape import Cloud, Mesh
from pcea.geometry.surface import check_faces, face_areas
from pcea.registry import Registry

Array = NDArray[Any]


@dataclass(frozen=True)
class Raw:
    """The content of a file or an object, before it is checked.

    Args:
        pos: (N, 3) positions, in any real dtype.
        faces: (F, 3) vertex indices counted from 0; None for a cloud.
        normal: (N, 3) normals of any length; None if there are none.
        color: (N, 3 or more) colors in any type and range that
            :func:`pcea.formats.colors.as_color` knows; None if there are none.
        notes: remarks on how the file was read, one sentence each.
    """

    pos: Array
    faces: Array | None = None
    normal: Array | None = None
    color: Array | None = None
    notes: tuple[str, ...] = ()


Reader = Callable[[Path], Raw]

FORMATS = Registry[Reader]("file format", "pcea.formats")


def register_format(*endings: str) -> Callable[[Reader], Reader]:
    """Register a function that takes a file's path and returns its content unchecked, as ``Raw``.

    The function raises :class:`pcea.InputError` for a file that it cannot read, without its path.

    Args:
        endings: of the files that it reads, in lower case without the dot, such as ``"ply"``.
    """

    def add(reader: Reader) -> Reader:
        for ending in endings:
            FORMATS.register(ending)(reader)
        return reader

    return add


def join(parts: Sequence[Raw]) -> Raw:
    """Join the meshes of a scene, or its points if it has no meshes."""
    # Missing normals become zero, which means unknown. Colors that only some parts have, and points
    # beside meshes, are left out, and a note says so.
    meshes = [part for part in parts if part.faces is not None and len(part.faces)]
    points = [part for part in parts if part.faces is None]
    kept = meshes or points or list(parts)
    notes = list(dict.fromkeys(note for part in kept for note in part.notes))
    if meshes and points:
        num = sum(len(part.pos) for part in points)
        notes.append(f"{num} points beside its faces were left out")
    colors = [part.color for part in kept if part.color is not None]
    if 0 < len(colors) < len(kept):
        notes.append(
            f"only {len(colors)} of its {len(kept)} parts have vertex colors, which were left out"
        )
    before = np.cumsum([0, *(len(part.pos) for part in kept)])
    pairs = zip(kept, before, strict=False)
    faces = [part.faces + start for part, start in pairs if part.faces is not None]
    normals = [np.zeros_like(part.pos) if part.normal is None else part.normal for part in kept]
    return Raw(
        pos=np.concatenate([part.pos for part in kept]),
        faces=np.concatenate(faces) if faces else None,
        normal=np.concatenate(normals) if any(p.normal is not None for p in kept) else None,
        color=np.concatenate(colors) if len(colors) == len(kept) else None,
        notes=tuple(notes),
    )


def validate(raw: Raw, name: str) -> Mesh | Cloud:
    """Check the content of a file or an object; return a mesh if there are faces, else a cloud."""
    # Points without a position, which depth cameras write as NaN, are left out, and so are their
    # faces.
    if raw.pos.ndim != 2 or raw.pos.shape[1] != 3:
        raise InputError(f"its positions have shape {raw.pos.shape}, not (N, 3)")
    pos, num, notes = raw.pos.astype(np.float64), len(raw.pos), list(raw.notes)
    finite = np.asarray(np.isfinite(pos).all(1))  # (N,)
    pos = pos[finite]
    if fault := _fault(pos, num):
        raise InputError(f"{fault}")
    missing, faces = num - len(pos), None
    if raw.faces is not None and len(raw.faces):
        faces = raw.faces.astype(np.int64)
        check_faces(faces, num)
        whole = np.asarray(finite[faces].all(1))  # (F,)
        faces = (np.cumsum(finite) - 1)[faces[whole]]
        if not len(faces):
            raise InputError("each of its faces has a corner that is NaN or infinite")
        if len(faces) < len(whole):
            notes.append(
                f"{len(whole) - len(faces)} of {len(whole)} faces have a corner without a position"
                " (NaN or infinite) and were left out"
            )
    elif missing:
        what = "have no position (NaN or infinite) and were left out"
        notes.append(f"{missing} of {num} points {what}")
    color = None if raw.color is None else as_color(np.asarray(raw.color)[finite])
    if raw.color is not None and color is None:
        notes.append("its colors lie in none of the ranges 0 to 1, 0 to 255 and 0 to 65,535")
    normal = None if raw.normal is None else np.asarray(raw.normal, np.float64)[finite]
    fields: dict[str, Any] = {
        "normal": normal,
        "color": color,
        "name": name,
        "row": np.flatnonzero(finite) if missing else None,
        "notes": tuple(notes),
    }
    if faces is None:
        return Cloud(torch.from_numpy(pos), **fields)
    mesh = Mesh(torch.from_numpy(pos), torch.from_numpy(faces), **fields)
    if not (face_areas(mesh.vertices, mesh.faces) > 0).any():
        raise InputError(f"none of its {len(faces)} faces has an area")
    return mesh


def _fault(pos: Array, stored: int) -> str:
    """Say why the points are no shape, or ""; ``stored`` also counts those without a position."""
    needed = "at least 2 different points are needed"
    if not stored:
        return "it holds no points"
    if len(pos) < 2:
        if missing := stored - len(pos):
            return f"{missing} of its {stored} points have NaN or infinite coordinates; {needed}"
        return f"it holds a single point; {needed}"
    reach = np.abs(pos).max()
    if reach > np.finfo(np.float32).max:
        return f"its coordinates reach {reach:.3g}, beyond float32: scale them"
    return "" if np.ptp(pos, axis=0).any() else f"all of its {len(pos)} points are equal; {needed}"
