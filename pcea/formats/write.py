"""Write PLY, GLB, NPZ and JSON files, each completely or not at all."""

import json
import os
import secrets
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.checked import as_positions, as_tensor, naming
from pcea.formats.colors import to_linear
from pcea.formats.raw import Array
from pcea.geometry.surface import check_faces

Values = ArrayLike | Tensor

_PLY_TYPES = {"uint8": "uchar", "int32": "int", "float32": "float", "float64": "double"}
_LINEAR = to_linear(np.arange(256)).astype("<f4")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a binary file that replaces ``path`` at the end of the block; folders are made."""
    # If the block raises an error, an existing file at ``path`` stays as it was.
    target = Path(os.path.realpath(os.path.expanduser(path)))  # follows links
    draft = target.with_name(f".pcea-{secrets.token_hex(8)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as file:
            yield file
        os.replace(draft, target)
    except OSError as error:
        raise InputError(f"{path}: it cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # usually it has been renamed already
            draft.unlink()


def write_ply(
    path: str | os.PathLike[str],
    pos: Values,
    color: Values | None = None,
    faces: Values | None = None,
    normal: Values | None = None,
    **values: Values,
) -> None:
    """Write a cloud, or a mesh with (F, 3) faces, as a binary PLY file, completely or not at all.

    Positions (N, 3) are written as double if float32 would round them, as with map coordinates.
    Beside (N, 3) uint8 colors and (N, 3) normals, further (N,) whole or real values are written as
    properties of the points under their names, such as ``part``.
    """
    pos = _array(pos)
    with naming(path):
        if pos.ndim != 2 or pos.shape[1] != 3:
            raise InputError(f"pos must have shape (N, 3), not {pos.shape}")
        near = pos.astype(np.float32)
        near = near if (near == pos).all() else pos.astype(np.float64)
        columns: dict[str, Array] = dict(zip("xyz", near.T, strict=True))
        if normal is not None:
            normal = _fitting("normal", normal, pos.shape).T.astype(np.float32)
            columns |= zip(("nx", "ny", "nz"), normal, strict=True)
        if color is not None:
            columns |= zip(("red", "green", "blue"), _color(color, pos.shape).T, strict=True)
        for name, value in values.items():
            value = _fitting(name, value, pos.shape[:1])
            columns[name] = value.astype(np.float32 if value.dtype.kind == "f" else np.int32)
        index = _triangles(faces, len(pos))
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(pos)}"]
    header += [f"property {_PLY_TYPES[column.dtype.name]} {n}" for n, column in columns.items()]
    if faces is not None:
        header += [f"element face {len(index)}", "property list uchar int vertex_indices"]
    rows: dict[str, Array] = {"count": np.full(len(index), 3, np.uint8)}
    rows |= zip("abc", index.T.astype(np.int32), strict=True)
    with replacing(path) as file:
        file.write("\n".join([*header, "end_header\n"]).encode("ascii"))
        file.write(_records(columns))
        file.write(_records(rows))


def write_glb(
    path: str | os.PathLike[str],
    pos: Values,
    faces: Values | None,
    color: Values,
    name: str = "shape",
    offset: Values | None = None,
) -> None:
    """Write a mesh, or a cloud if faces are None, as a GLB file, completely or not at all.

    Positions are written as float32, and their axes kept, although glTF's y axis is up. The (N, 3)
    uint8 colors of the screen become linear light, as glTF requires. The (3,) offset, which plus
    ``pos`` gives the shape's own coordinates, becomes the float64 translation of the shape's node;
    from float64 positions far from zero, an offset is subtracted.
    """
    with naming(path):
        near, taken = as_positions(pos, "pos")
        vertices, move = _array(near), _array(taken)
        if not len(vertices):
            raise InputError("there are no points to write")
        if offset is not None:
            move = move + _fitting("offset", as_tensor(offset, "offset"), (3,))
        colors = _color(color, vertices.shape)
        index = _triangles(faces, len(vertices))
        if 24 * len(vertices) + 12 * len(index) >= 2**32 - 2**16:
            raise InputError(f"a GLB has at most 4 GiB, too few for {len(vertices):,} vertices")
    content = _glb_bytes(vertices, index, colors, name, move)
    with replacing(path) as file:
        file.write(content)


def _glb_bytes(vertices: Array, triangles: Array, color: Array, name: str, move: Array) -> bytes:
    """Build a GLB file of (N, 3) vertices, (F, 3) triangles and (N, 3) uint8 screen colors.

    It has no material, as trimesh and others read the colors only then. ``move`` (3,) is the
    translation of the node.
    """
    # Colors are not written as 16 bits, of which trimesh would keep the lower 8.
    blocks = {"POSITION": vertices.astype("<f4"), "COLOR_0": _LINEAR[color]}
    attributes = {key: number for number, key in enumerate(blocks)}
    primitive: dict[str, Any] = {"attributes": attributes, "mode": 0}  # points
    if len(triangles):
        primitive |= {"indices": len(blocks), "mode": 4}
        blocks["indices"] = triangles.reshape(-1).astype("<u4")
    views, accessors, total = list[dict[str, Any]](), list[dict[str, Any]](), 0
    for number, block in enumerate(blocks.values()):
        # Elements have 12 or 4 bytes, so every block begins at a multiple of 4.
        kind = {"componentType": 5126, "type": "VEC3"}
        target = 34962  # vertices
        if block.ndim == 1:
            kind, target = {"componentType": 5125, "type": "SCALAR"}, 34963
        accessors.append({"bufferView": number, "count": len(block), **kind})
        place = {"byteOffset": total, "byteLength": block.nbytes}
        views.append({"buffer": 0, "target": target, **place})
        total += block.nbytes
    accessors[0] |= {"min": vertices.min(0).tolist(), "max": vertices.max(0).tolist()}
    node: dict[str, Any] = {"mesh": 0, "name": name}
    if move.any():
        node["translation"] = move.tolist()
    tree: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "pcea"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [node],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": total}],
    }
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + total)
    head += struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", total, b"BIN\0")
    return b"".join([head, *(block.tobytes() for block in blocks.values())])


def write_npz(path: str | os.PathLike[str], **arrays: Values) -> None:
    """Write named arrays as a compressed NPZ file, completely or not at all."""
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, _array(value), allow_pickle=False)


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write a JSON file, completely or not at all."""
    with replacing(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def _array(values: Values) -> Array:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _fitting(name: str, values: Values, shape: tuple[int, ...]) -> Array:
    array = _array(values)
    if array.shape != shape:
        raise InputError(f"{name} must have shape {shape}, not {array.shape}")
    return array


def _color(values: Values, shape: tuple[int, ...]) -> Array:
    color = _fitting("color", values, shape)
    if color.dtype != np.uint8:
        raise InputError(f"color must be uint8, 0 to 255, not {color.dtype}")
    return color


def _triangles(faces: Values | None, num_vertices: int) -> Array:
    index = np.empty((0, 3), np.int64) if faces is None else _array(faces)
    if index.ndim != 2 or index.shape[1] != 3:
        raise InputError(f"faces must have shape (F, 3), not {index.shape}")
    check_faces(index, num_vertices)
    return index


def _records(columns: dict[str, Array]) -> bytes:
    """Pack columns into little-endian records."""
    kinds = [(name, column.dtype.newbyteorder("<")) for name, column in columns.items()]
    return np.rec.fromarrays([*columns.values()], dtype=kinds).tobytes()
