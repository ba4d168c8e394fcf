"""A glTF file from a few arrays and words of JSON."""

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pcea.formats import Cloud, Mesh, read

_CODES = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
_KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 2, 0]], np.float32)
SQUARE_FACES = np.array([[0, 1, 2], [0, 2, 3]])


class Builder:
    """What is added is laid out one after the other, at multiples of four bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binary = b""
        self.tree: dict[str, Any] = {"asset": {"version": "2.0"}}

    def add(self, kind: str, entry: dict[str, Any]) -> int:
        entries = self.tree.setdefault(kind, [])
        entries.append(entry)
        return len(entries) - 1

    def view(self, data: bytes, **more: Any) -> int:
        start = len(self.binary)
        self.binary += data + bytes(-len(data) % 4)
        return self.add(
            "bufferViews", {"buffer": 0, "byteOffset": start, "byteLength": len(data), **more}
        )

    def accessor(self, values: Any, dtype: str = "f4", stride: int = 0, **more: Any) -> int:
        """Add (N, width) values, or (N,), each row beginning ``stride`` bytes after the last."""
        values = np.asarray(values).astype(f"<{dtype}")
        values = values.reshape(len(values), -1)
        data, extra = values.tobytes(), {}
        if stride:
            rows = np.zeros((len(values), stride), np.uint8)
            size = values.shape[1] * values.itemsize
            rows[:, :size] = np.frombuffer(data, np.uint8).reshape(-1, size)
            data, extra = rows.tobytes(), {"byteStride": stride}
        entry = {"bufferView": self.view(data, **extra), **self.form(values, dtype), **more}
        return self.add("accessors", {key: value for key, value in entry.items() if value != -1})

    def form(self, values: np.ndarray, dtype: str) -> dict[str, Any]:
        kind = _KINDS[values.shape[1]]
        return {"componentType": _CODES[dtype], "count": len(values), "type": kind}

    def sparse(self, index: Any, values: Any, **base: Any) -> int:
        """Add an accessor of floats that differ from ``base`` at ``index``."""
        index, values = np.asarray(index, "<u2"), np.asarray(values, "<f4")
        sparse = {
            "count": len(index),
            "indices": {"bufferView": self.view(index.tobytes()), "componentType": 5123},
            "values": {"bufferView": self.view(values.tobytes())},
        }
        return self.add("accessors", {**base, "sparse": sparse})

    def primitive(self, pos: Any = SQUARE, faces: Any = SQUARE_FACES, **more: Any) -> dict:
        """Describe triangles; more attributes are named in upper case."""
        attributes = {key: more.pop(key) for key in [*more] if key.isupper()}
        place = pos if isinstance(pos, int) else self.accessor(pos)
        primitive = {"attributes": {"POSITION": place, **attributes}, **more}
        if faces is not None:
            primitive["indices"] = self.accessor(np.reshape(faces, -1), "u2")
        return primitive

    def mesh(self, *primitives: dict, **more: Any) -> int:
        chosen = [*primitives] or [self.primitive()]
        return self.add("meshes", {"primitives": chosen, **more})

    def node(self, **more: Any) -> int:
        return self.add("nodes", more)

    def show(self, *nodes: int) -> None:
        self.tree["scene"] = self.add("scenes", {"nodes": [*nodes]})

    def glb(self) -> bytes:
        buffers = [{"byteLength": len(self.binary)}] if self.binary else []
        text = json.dumps({"buffers": buffers, **self.tree}).encode()
        return pack(text + b" " * (-len(text) % 4), self.binary)

    def gltf(self, address: str | None = None) -> str:
        """Give the JSON; its buffer is in a ``data:`` address where no other is given."""
        inside = "data:application/octet-stream;base64," + base64.b64encode(self.binary).decode()
        buffers = [{"byteLength": len(self.binary), "uri": address or inside}]
        return json.dumps({"buffers": buffers, **self.tree})

    def write(self, name: str = "shape.glb") -> Path:
        path = self.folder / name
        path.write_bytes(self.glb())
        return path

    def read(self) -> Mesh | Cloud:
        return read(self.write())


def pack(text: bytes, binary: bytes) -> bytes:
    """Put two chunks into a GLB."""
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


@pytest.fixture
def new(tmp_path: Path) -> Callable[[], Builder]:
    """Begin a file."""
    return lambda: Builder(tmp_path)


@pytest.fixture
def gltf(tmp_path: Path) -> Builder:
    """One file, begun."""
    return Builder(tmp_path)


@pytest.fixture
def square() -> np.ndarray:
    """(4, 3) corners of a rectangle of area 2."""
    return SQUARE


@pytest.fixture
def square_faces() -> np.ndarray:
    """(2, 3) its triangles."""
    return SQUARE_FACES


@pytest.fixture
def box() -> tuple[np.ndarray, np.ndarray]:
    """Corners and outward faces of a box from 0 to 1, 2, 3."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 3)], np.float32)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    return corners, faces


def signed_volume(mesh: Mesh) -> float:
    """Positive where the faces of a closed mesh point outward."""
    a, b, c = mesh.vertices.double()[mesh.faces].unbind(1)
    return float((a * b.cross(c, dim=1)).sum() / 6)


@pytest.fixture
def volume() -> Callable[[Mesh], float]:
    """Measure the signed volume: positive where faces point outward."""
    return signed_volume
