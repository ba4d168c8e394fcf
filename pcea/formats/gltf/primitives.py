"""The primitives of a mesh: their attributes, their triangles or points, their default morph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pcea.formats.gltf.accessors import read_reals, read_wholes
from pcea.formats.gltf.container import Document
from pcea.formats.gltf.extensions import advise, may_hold_geometry
from pcea.formats.gltf.tree import Entry, refer
from pcea.formats.raw import Array

_POINTS, _TRIANGLES, _STRIP, _FAN = 0, 4, 5, 6
_LINES = (1, 2, 3)
_USED = ("POSITION", "NORMAL", "COLOR_0", "JOINTS_", "WEIGHTS_")


@dataclass(frozen=True)
class Part:
    """Vertices of a mesh, not yet at their place, with the faces between them.

    Args:
        pos: (V, 3) float64.
        faces: (F, 3) int64; None: they are points.
        normal: (V, 3) float64.
        color: (V, 3) float64, linear light.
        joint: (V, J) int64, which of the skin's joints move each vertex.
        weight: (V, J) float64, how much.
    """

    pos: Array
    faces: Array | None = None
    normal: Array | None = None
    color: Array | None = None
    joint: Array | None = None
    weight: Array | None = None


def read_mesh(document: Document, mesh: Entry, weights: Sequence[float]) -> list[Part]:
    """Read the triangles and points of a mesh.

    Primitives of the same vertices, as programs write one for each material, become one part, so
    that no vertex comes twice.

    Args:
        document: the open file; it remembers which primitives were left out.
        mesh: one of its meshes.
        weights: how far each morph target is applied; those that lack are 0.

    Raises:
        InputError: a primitive is damaged, or is only there compressed.
    """
    parts: dict[Any, Part] = {}
    for primitive in mesh.children("primitives", "primitive"):
        mode = primitive.whole("mode", _TRIANGLES)
        if mode in _LINES:
            document.lines.add(primitive.name)
            continue
        if mode not in (_POINTS, _TRIANGLES, _STRIP, _FAN):
            raise primitive.error(f"its mode is {mode}, which glTF does not know")
        _check_decodable(document, primitive)
        if "POSITION" not in primitive.child("attributes"):
            document.placeless.add(primitive.name)
            continue
        place: Any = primitive.name
        if mode != _POINTS:
            shared = (primitive.values.get(key) for key in ("attributes", "targets"))
            place = json.dumps([*shared], sort_keys=True)
        part = parts.get(place) or _vertices(document, primitive, weights)
        index = _index(document, primitive, len(part.pos))
        if mode == _POINTS:
            parts[place] = part if index is None else _select(part, index)
            continue
        faces = _faces(primitive, mode, np.arange(len(part.pos)) if index is None else index)
        if part.faces is not None:
            faces = np.concatenate((part.faces, faces))
        parts[place] = replace(part, faces=faces)
    return [*parts.values()]


def _check_decodable(document: Document, primitive: Entry) -> None:
    """Refuse what only an extension has the numbers of: without it, they would read as zeros."""
    unknown = may_hold_geometry(primitive.child("extensions").values)
    if not unknown:
        return
    attributes = primitive.child("attributes")
    used = {key: attributes for key in attributes.values if key.startswith(_USED)}
    used["POSITION"] = attributes
    if "indices" in primitive:
        used["indices"] = primitive
    for key, entry in used.items():
        accessor = refer(document.root, entry, key, "accessors") if key in entry else entry
        if "bufferView" not in accessor and "sparse" not in accessor:
            raise primitive.error(f"its {key} is only there in {advise(unknown)}")


def _vertices(document: Document, primitive: Entry, weights: Sequence[float]) -> Part:
    """Read the attributes, morphed as they are by default."""
    attributes = primitive.child("attributes")

    def read(
        entry: Entry, name: str, types: tuple[str, ...] = ("VEC3",), normalized: bool = False
    ) -> Array | None:
        if name not in entry:
            return None
        return read_reals(
            document, refer(document.root, entry, name, "accessors"), types, normalized
        )

    found = {
        "POSITION": read(attributes, "POSITION"),
        "NORMAL": read(attributes, "NORMAL"),
        # Some writers forget to say that colors of whole numbers are normalized.
        "COLOR_0": read(attributes, "COLOR_0", ("VEC3", "VEC4"), normalized=True),
    }
    num = len(found["POSITION"])  # type: ignore[arg-type]
    targets = primitive.children("targets", "target")
    for target, share in zip(targets, weights, strict=False):
        for name, base in found.items():
            if not share or base is None:
                continue
            types = ("VEC3", "VEC4") if name == "COLOR_0" else ("VEC3",)
            moved = read(target, name, types)
            if moved is not None:
                _check_count(target, name, moved, num)
                base[:, :3] += share * moved[:, :3]
    joint, weight = _influences(document, attributes)
    for name, values in (*found.items(), ("JOINTS_0", joint), ("WEIGHTS_0", weight)):
        if values is not None:
            _check_count(primitive, name, values, num)
    pos, normal, color = found.values()
    assert pos is not None
    return Part(
        *(pos, None, normal, None if color is None else color[:, :3]), joint=joint, weight=weight
    )


def _influences(document: Document, attributes: Entry) -> tuple[Array | None, Array | None]:
    """(V, 4 or 8 …) the joints of each vertex, and their weights, which add up to 1."""
    joints: list[Array] = []
    weights: list[Array] = []
    for number in range(len(attributes.values)):
        names = f"JOINTS_{number}", f"WEIGHTS_{number}"
        if not all(name in attributes for name in names):
            break
        which, share = (refer(document.root, attributes, name, "accessors") for name in names)
        joints.append(read_wholes(document, which, "VEC4"))
        weights.append(read_reals(document, share, ("VEC4",), normalized=True))
        if len(joints[-1]) != len(joints[0]) or len(weights[-1]) != len(joints[0]):
            raise attributes.error("its joints and weights are of different numbers")
    if not joints:
        return None, None
    weight = np.concatenate(weights, axis=1)
    total = weight.sum(1, keepdims=True)
    lost = ~(total > 0)[:, 0]
    weight[lost] = (1.0, *(0.0,) * (weight.shape[1] - 1))  # it goes with its first joint
    total[lost] = 1.0
    return np.concatenate(joints, axis=1), weight / total


def _check_count(entry: Entry, name: str, values: Array, num: int) -> None:
    if len(values) != num:
        raise entry.error(f"its {name} has {len(values)} elements, but there are {num} positions")


def _index(document: Document, primitive: Entry, num: int) -> Array | None:
    """(I,) which vertices follow one another; None: all, in their order."""
    if "indices" not in primitive:
        return None
    accessor = refer(document.root, primitive, "indices", "accessors")
    index = read_wholes(document, accessor, "SCALAR")[:, 0]
    if index.max() >= num:
        raise accessor.error(f"it refers to vertex {index.max()}, but there are {num}")
    return index


def _faces(primitive: Entry, mode: int, index: Array) -> Array:
    """(F, 3) the triangles that a row of vertices stands for."""
    if mode == _TRIANGLES:
        if len(index) % 3:
            raise primitive.error(f"its triangles have {len(index)} corners, no multiple of 3")
        return index.reshape(-1, 3)
    if len(index) < 3:
        raise primitive.error(f"its strip or fan has {len(index)} corners, where 3 are needed")
    if mode == _FAN:
        first = np.full(len(index) - 2, index[0])
        faces = np.stack((first, index[1:-1], index[2:]), axis=1)
    else:
        faces = np.stack((index[:-2], index[1:-1], index[2:]), axis=1)
        faces[1::2, 1:] = faces[1::2, :0:-1]  # every other triangle of a strip is turned over
    a, b, c = faces.T
    return faces[(a != b) & (b != c) & (c != a)]  # strips are joined by triangles without area


def _select(part: Part, index: Array) -> Part:
    values = {name: value for name, value in vars(part).items() if value is not None}
    return Part(**{name: value[index] for name, value in values.items()})
