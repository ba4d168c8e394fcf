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
_LINEAR = to_linear(np.arange(256)).astype("<f4")
_MATTE: dict[str, Any] = {
    "doubleSided": True,
    "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0},
    "extensions": {"KHR_materials_specular": {"specularFactor": 0.0}},
}


def write_glb(
    path: str | os.PathLike[str],
    pos: Values,
    faces: Values | None,
    color: Values,
    name: str = "shape",
    offset: Values | None = None,
) -> None:
    """Write a mesh, or a cloud where faces are None, as a GLB file, whole or not at all.

    Positions are written as float32 and their axes kept, though glTF's y axis is up. The (N, 3)
    uint8 colors of the screen become linear light, as glTF requires. The (3,) offset, what to add
    to ``pos`` for the shape's own coordinates, becomes the place of the shape's node, in float64;
    of float64 positions far from zero, one is taken off.
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
    if 24 * len(vertices) + triangles.size * 4 >= 2**32 - 2**16:
        raise InputError(f"{path}: a GLB has at most 4 GiB, too few for {len(vertices):,} vertices")
    content = glb_bytes(vertices, triangles, colors, name=name, move=move)
    with replacing(path) as file:
        file.write(content)


def glb_bytes(
    vertices: Array,
    triangles: Array,
    color: Array,
    normal: Array | None = None,
    name: str = "shape",
    move: Array | None = None,
) -> bytes:
    """Lay out a GLB file of (N, 3) vertices, (F, 3) triangles and (N, 3) uint8 screen colors.

    With (N, 3) unit normals comes a material that does not shine and has two sides; without, there
    is none, as trimesh and others take the colors only then. ``move`` is where the node stands.
    """
    # Not 16 bits for the colors: trimesh keeps the lower half of them.
    blocks = {
        "POSITION": (vertices.astype("<f4"), "VEC3", _FLOAT, _VERTICES),
        "COLOR_0": (_LINEAR[color], "VEC3", _FLOAT, _VERTICES),
    }
    if normal is not None:
        blocks["NORMAL"] = (normal.astype("<f4"), "VEC3", _FLOAT, _VERTICES)
    attributes = {key: number for number, key in enumerate(blocks)}
    primitive: dict[str, Any] = {"attributes": attributes, "mode": _POINTS}
    if len(triangles):
        primitive |= {"indices": len(blocks), "mode": _TRIANGLES}
        blocks["indices"] = (triangles.reshape(-1).astype("<u4"), "SCALAR", _UINT, _INDICES)
    views, accessors, pieces, total = [], [], [], 0
    for number, (values, kind, component, target) in enumerate(blocks.values()):
        # Elements have 12 or 4 bytes, so that all begin at a multiple of 4.
        view = {"buffer": 0, "byteOffset": total, "byteLength": values.nbytes, "target": target}
        views.append(view)
        accessors.append(
            {"bufferView": number, "componentType": component, "count": len(values), "type": kind}
        )
        pieces.append(values.tobytes())
        total += values.nbytes
    accessors[0] |= {"min": vertices.min(0).tolist(), "max": vertices.max(0).tolist()}
    node: dict[str, Any] = {"mesh": 0, "name": name}
    if move is not None and move.any():
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
    if normal is not None:
        primitive["material"] = 0
        tree |= {"materials": [_MATTE], "extensionsUsed": list(_MATTE["extensions"])}
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + total)
    head += struct.pack("<I4s", len(text), b"JSON") + text
    return b"".join([head, struct.pack("<I4s", total, b"BIN\0"), *pieces])
