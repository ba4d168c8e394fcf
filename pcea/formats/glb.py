"""Colored meshes and clouds as GLB, which browsers and 3-D programs open."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.checked import as_positions, as_tensor
from pcea.formats.colors import to_linear
from pcea.formats.raw import Array
from pcea.formats.write import Values, as_triangles, fitting, replacing

_FLOAT, _UINT = 5126, 5125
_VERTICES, _INDICES = 34962, 34963
_POINTS, _TRIANGLES = 0, 4


def write_glb(
    path: str | os.PathLike[str],
    pos: Values,
    faces: Values | None,
    color: Values,
    name: str = "shape",
    offset: Values | None = None,
) -> None:
    """Write a mesh or a cloud with a color a vertex as a GLB file, whole or not at all.

    Args:
        path: where it goes; its folder is made if need be.
        pos: (N, 3) positions, written as float32. glTF's y axis is up; they are written as they
            are.
        faces: (F, 3) vertex indices; None: a cloud.
        color: (N, 3) uint8 red, green, blue, as the screen shows them. The file has them in
            linear light, as glTF asks, so that other programs show the same colors.
        name: what the shape is called in the file. Default ``shape``.
        offset: (3,) what to add to ``pos`` for the shape's own coordinates. The file says it as
            the place of the shape's node, in float64. Default: none; of float64 positions far from
            zero, one is taken off.

    Raises:
        InputError: a shape or a range does not fit, or the file cannot be written.
    """
    near, taken = as_positions(pos, f"{path}: pos")
    vertices = near.detach().cpu().numpy()
    if not len(vertices):
        raise InputError(f"{path}: there are no points to write")
    move = taken.cpu().numpy()
    if offset is not None:
        move = move + fitting("offset", as_tensor(offset, f"{path}: offset"), (3,), path)
    colors = fitting("color", color, vertices.shape, path)
    if colors.dtype != np.uint8:
        raise InputError(f"{path}: color must be uint8, 0 to 255, not {colors.dtype}")
    triangles = as_triangles(faces, len(vertices), path)["index"]
    tree, binary = _describe(vertices, triangles, to_linear(colors))
    node = tree["nodes"][0] | {"name": name}
    if move.any():
        node["translation"] = move.tolist()
    text = json.dumps({**tree, "nodes": [node]}).encode()
    text += b" " * (-len(text) % 4)
    size = 12 + 8 + len(text) + 8 + len(binary)
    if size >= 2**32:
        raise InputError(f"{path}: a GLB has at most 4 GiB, this one needs {size} bytes")
    with replacing(path) as file:
        file.write(struct.pack("<4sII", b"glTF", 2, size))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", len(binary), b"BIN\0"))
        file.write(binary)


def _describe(vertices: Array, triangles: Array, light: Array) -> tuple[dict[str, Any], bytes]:
    """Lay out the bytes, and say in glTF's words what is where.

    Whatever is laid out has elements of 12 or 4 bytes, and so begins at a multiple of 4.
    """
    # Not 16 bits for the colors: trimesh keeps the lower half of them.
    blocks = [
        (vertices.astype("<f4"), "VEC3", _FLOAT, _VERTICES),
        (light.astype("<f4"), "VEC3", _FLOAT, _VERTICES),
        (triangles.reshape(-1).astype("<u4"), "SCALAR", _UINT, _INDICES),
    ]
    # No material: trimesh and others give a mesh with a material its vertex colors no more.
    primitive = {"attributes": {"POSITION": 0, "COLOR_0": 1}, "mode": _TRIANGLES, "indices": 2}
    if not len(triangles):
        del blocks[2], primitive["indices"]
        primitive["mode"] = _POINTS
    views, accessors, binary = [], [], b""
    for number, (values, kind, component, target) in enumerate(blocks):
        data = values.tobytes()
        views.append(
            {"buffer": 0, "byteOffset": len(binary), "byteLength": len(data), "target": target}
        )
        accessors.append(
            {"bufferView": number, "componentType": component, "count": len(values), "type": kind}
        )
        binary += data
    accessors[0] |= {"min": vertices.min(0).tolist(), "max": vertices.max(0).tolist()}
    tree = {
        "asset": {"version": "2.0", "generator": "pcea"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    return tree, binary
