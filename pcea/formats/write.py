"""Files written whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.raw import Array

Values = ArrayLike | Tensor

_PLY_TYPES = {"uint8": "uchar", "int32": "int", "float32": "float", "float64": "double"}


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its place, in a folder made if need be, when it is complete."""
    # What stands there stays until then, and for good if the block raises.
    target = Path(os.path.realpath(os.path.expanduser(path)))  # through a link, not instead of it
    draft = target.with_name(f".pcea-{secrets.token_hex(8)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as file:
            yield file
        os.replace(draft, target)
    except OSError as error:
        raise InputError(f"{path}: it cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # most often it has moved to its place
            draft.unlink()


def write_ply(
    path: str | os.PathLike[str],
    pos: Values,
    color: Values | None = None,
    faces: Values | None = None,
    normal: Values | None = None,
    **values: Values,
) -> None:
    """Write a cloud, or a mesh with (F, 3) faces, as a binary PLY file, whole or not at all.

    Positions (N, 3) are written as double where float32 would move them, as it does map
    coordinates. Beside (N, 3) uint8 colors and (N, 3) normals, further (N,) whole or real values
    stand at the points under their names, such as ``part``.
    """
    pos = as_array(pos)
    if pos.ndim != 2 or pos.shape[1] != 3:
        raise InputError(f"{path}: pos must have shape (N, 3), not {pos.shape}")
    near = pos.astype(np.float32)
    columns: dict[str, Array] = dict(
        zip("xyz", (near if (near == pos).all() else pos.astype(np.float64)).T, strict=True)
    )
    if normal is not None:
        normal = fitting("normal", normal, pos.shape, path).T.astype(np.float32)
        columns |= zip(("nx", "ny", "nz"), normal, strict=True)
    if color is not None:
        color = fitting("color", color, pos.shape, path)
        if color.dtype != np.uint8:
            raise InputError(f"{path}: color must be uint8, 0 to 255, not {color.dtype}")
        columns |= zip(("red", "green", "blue"), color.T, strict=True)
    for name, value in values.items():
        value = fitting(name, value, pos.shape[:1], path)
        columns[name] = value.astype(np.float32 if value.dtype.kind == "f" else np.int32)

    vertices = np.empty(len(pos), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        vertices[name] = column
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(pos)}"]
    header += [f"property {_PLY_TYPES[column.dtype.name]} {n}" for n, column in columns.items()]
    triangles = as_triangles(faces, len(pos), path)
    if faces is not None:
        header += [f"element face {len(triangles)}", "property list uchar int vertex_indices"]
    with replacing(path) as file:
        file.write("\n".join([*header, "end_header\n"]).encode("ascii"))
        file.write(_little_endian(vertices))
        file.write(_little_endian(triangles))


def write_npz(path: str | os.PathLike[str], **arrays: Values) -> None:
    """Write named arrays as a compressed NPZ file, whole or not at all."""
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, as_array(value), allow_pickle=False)


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    with replacing(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def as_array(values: Values) -> Array:
    """Give a tensor, an array or numbers as an array on the CPU."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def fitting(name: str, values: Values, shape: tuple[int, ...], path: object) -> Array:
    """Give values as an array of a shape, or raise an InputError that names them and the file."""
    array = as_array(values)
    if array.shape != shape:
        raise InputError(f"{path}: {name} must have shape {shape}, not {array.shape}")
    return array


def as_triangles(faces: Values | None, num_vertices: int, path: object) -> Array:
    """Give (F, 3) faces as PLY rows of a count and an index; none without faces."""
    index = np.empty((0, 3), np.int64) if faces is None else as_array(faces)
    if index.ndim != 2 or index.shape[1] != 3:
        raise InputError(f"{path}: faces must have shape (F, 3), not {index.shape}")
    if len(index) and not (index.min() >= 0 and index.max() < num_vertices):
        raise InputError(f"{path}: a face refers to none of the {num_vertices} vertices")
    triangles = np.empty(len(index), [("count", np.uint8), ("index", np.int32, (3,))])
    triangles["count"], triangles["index"] = 3, index
    return triangles


def _little_endian(table: Array) -> bytes:
    return table.astype(table.dtype.newbyteorder("<")).tobytes()
