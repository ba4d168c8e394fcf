"""A coloured mesh as the bytes of a GLB file, as a page draws it."""

from __future__ import annotations

import json
import struct

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pcea.formats.colors import to_linear

_FLOAT, _UINT, _USHORT = 5126, 5125, 5123
_VERTICES, _INDICES = 34962, 34963


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Average the normals of the faces around each vertex, the larger ones counting for more.

    Args:
        vertices: (V, 3) positions.
        faces: (F, 3) vertex indices.

    Returns:
        (V, 3) unit normals; up where a vertex has no face.
    """
    corner = vertices[faces]  # (F, 3, 3)
    normal = (corner[:, 1] - corner[:, 0]).cross(corner[:, 2] - corner[:, 0], dim=-1)  # (F, 3)
    total = vertices.new_zeros(vertices.shape)
    for i in range(3):
        total.index_add_(0, faces[:, i], normal)
    length = total.norm(dim=1, keepdim=True)
    return total / length.clamp(min=1e-30) + (length == 0) * total.new_tensor([0.0, 1.0, 0.0])


class Solid:
    """A mesh that is drawn again and again in other colours.

    The bytes are put together here and not by trimesh: positions, normals and faces are laid out
    once, and the colours are those of the screen, which GLB wants in linear light.

    Args:
        vertices: (V, 3) positions.
        faces: (F, 3) vertex indices.
    """

    def __init__(self, vertices: Tensor, faces: Tensor) -> None:
        pos = vertices.numpy().astype("<f4")
        normal = vertex_normals(vertices, faces).numpy().astype("<f4")
        index = faces.numpy().astype("<u4")
        self._fixed = index.tobytes() + pos.tobytes() + normal.tobytes()
        size = 12 * len(pos)
        views = [
            {"buffer": 0, "byteOffset": 0, "byteLength": 12 * len(index), "target": _INDICES},
            *(
                {"buffer": 0, "byteOffset": start, "byteLength": length, "target": _VERTICES}
                for start, length in (
                    (12 * len(index), size),
                    (12 * len(index) + size, size),
                    (12 * len(index) + 2 * size, 8 * len(pos)),
                )
            ),
        ]
        views[3]["byteStride"] = (
            8  # three shorts of colour; places begin at multiples of four bytes
        )
        total = 12 * len(index) + 2 * size + 8 * len(pos)
        count = len(pos)
        described = {
            "asset": {"version": "2.0"},
            "extensionsUsed": ["KHR_materials_specular"],
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [
                {
                    "primitives": [
                        {
                            "attributes": {"POSITION": 1, "NORMAL": 2, "COLOR_0": 3},
                            "indices": 0,
                            "material": 0,
                        }
                    ]
                }
            ],
            "materials": [
                {
                    "doubleSided": True,
                    "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0},
                    # What shines hides its colour.
                    "extensions": {"KHR_materials_specular": {"specularFactor": 0.0}},
                }
            ],
            "accessors": [
                {"bufferView": 0, "componentType": _UINT, "count": index.size, "type": "SCALAR"},
                {
                    "bufferView": 1,
                    "componentType": _FLOAT,
                    "count": count,
                    "type": "VEC3",
                    "min": pos.min(0).tolist(),
                    "max": pos.max(0).tolist(),
                },
                {"bufferView": 2, "componentType": _FLOAT, "count": count, "type": "VEC3"},
                {
                    "bufferView": 3,
                    "componentType": _USHORT,
                    "normalized": True,
                    "count": count,
                    "type": "VEC3",
                },
            ],
            "bufferViews": views,
            "buffers": [{"byteLength": total}],
        }
        text = json.dumps(described).encode()
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + total
        self._head = struct.pack("<4sIIII", b"glTF", 2, length, len(text), 0x4E4F534A) + text
        self._head += struct.pack("<II", total, 0x004E4942)

    def glb(self, color: NDArray[np.uint8]) -> bytes:
        """Colour the vertices.

        Args:
            color: (V, 3) red, green, blue, 0 to 255, as the screen shows them.

        Returns:
            A GLB file.
        """
        linear = np.zeros((len(color), 4), "<u2")
        linear[:, :3] = _LINEAR[color]
        return self._head + self._fixed + linear.tobytes()


_LINEAR = np.round(to_linear(np.arange(256)) * 65535).astype(np.uint16)
