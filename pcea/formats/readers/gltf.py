"""glTF 2.0, binary and JSON; docs/files.md says why it is read here."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.colors import to_screen
from pcea.formats.gltf_file import INSTANCING, VISIBILITY, GltfFile, damaged, only_in
from pcea.formats.polygons import unroll_strips
from pcea.formats.raw import Array, Raw, join, register_format

Node = dict[str, Any]
# The values at the vertices of a mesh: pos, normal, color, joint, weight; and its triangles.
Part = tuple[dict[str, Array], Array | None]

_POINTS, _TRIANGLES, _STRIP, _FAN = 0, 4, 5, 6
_VERTEX = {
    "POSITION": ("pos", "VEC3"),
    "NORMAL": ("normal", "VEC3"),
    "COLOR_0": ("color", "VEC3", "VEC4"),
}
_MOST_PLACED = 200_000_000  # a small file can ask for any number of copies of a mesh


@register_format("glb", "gltf")
def read_gltf(path: Path) -> Raw:
    """Read the triangles of a GLB or glTF file or, without any, its points, in float64."""
    # Every mesh of the default scene is read as often as the scene has it, at its place, in the
    # file's default pose and with its default morph. Lines, materials, textures, animations and
    # cameras are left out. Colors are converted to those of the screen.
    file = _Scene(path)
    parts = [part for part in file.parts() if part.faces is None or len(part.faces)]
    if not parts:
        raise InputError(f"it holds no faces and no points{', only lines' * bool(file.lines)}")
    notes = []
    if (num := len(file.tree.get("scenes", []))) > 1:
        notes.append(f"of its {num} scenes, only the one that is shown by default was read")
    if file.lines:
        notes.append(f"{file.lines} of its primitives are lines, which were left out")
    raw = join(parts)
    color = None if raw.color is None else to_screen(raw.color)
    return replace(raw, color=color, notes=(*notes, *raw.notes))


class _Scene(GltfFile):
    """The default scene of an open file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines = self.placed = 0

    def parts(self) -> Iterator[Raw]:
        """Yield each mesh of the default scene, at its place."""
        meshes = dict[str, list[Part]]()  # by index and morph weights
        world, visible = self.nodes()
        for node, place in visible:
            weights = node.get("weights", self.at("meshes", node["mesh"]).get("weights", []))
            key = json.dumps([node["mesh"], weights])
            if key not in meshes:
                meshes[key] = self.mesh(node["mesh"], np.array(weights, np.float64))
            # A skinned mesh is placed by its joints, and not by its node.
            skinned = "skin" in node
            matrix = self.joints(node["skin"], world) if skinned else self.copies(node, place)
            for columns, faces in meshes[key]:
                places = self.blend(columns, matrix) if skinned else matrix[:, None]
                size = len(columns["pos"]) + (0 if faces is None else faces.size)
                self.placed += len(places) * size
                if self.placed > _MOST_PLACED:
                    most = f"{_MOST_PLACED:,} vertices and indices"
                    raise InputError(f"its scene shows more than {most}")
                yield _moved(columns, faces, places)

    def nodes(self) -> tuple[dict[int, Array], list[tuple[Node, Array]]]:
        """Return each node's (4, 4) world matrix, and the visible nodes with a mesh."""
        nodes, scenes = self.tree.get("nodes", []), self.tree.get("scenes", [])
        if not nodes:
            num = len(self.tree.get("meshes", []))
            return {}, [({"mesh": number}, np.eye(4)) for number in range(num)]
        below = [child for node in nodes for child in node.get("children", [])]
        chosen = self.at("scenes", self.tree.get("scene", 0)).get("nodes", []) if scenes else None
        for number in (*below, *(chosen or ())):
            self.at("nodes", number)
        under = set(below)
        if len(under) < len(below):
            ((twice, _),) = Counter(below).most_common(1)
            raise damaged(f"node {twice} has two parents, or is listed twice by one")
        roots = dict.fromkeys(each for each in range(len(nodes)) if each not in under)
        chosen = dict.fromkeys(roots if chosen is None else chosen)
        first = [each for each in chosen | roots if each in roots]
        waiting = [(number, np.eye(4), False) for number in reversed(first)]
        world, visible = dict[int, Array](), list[tuple[Node, Array]]()
        while waiting:
            number, above, inside = waiting.pop()
            node = nodes[number]
            if "matrix" in node:
                own = np.array(node["matrix"], np.float64).reshape(1, 4, 4).swapaxes(1, 2)
            else:
                keys = ("translation", "rotation", "scale")
                own = _compose(**{key: node[key] for key in keys if key in node})
            if own.shape != (1, 4, 4) or not np.isfinite(own).all():
                raise damaged(f"the transform of node {number} is not given by finite numbers")
            world[number] = above @ own[0]
            hidden = node.get("extensions", {}).get(VISIBILITY, {}).get("visible") is False
            inside = (inside or number in chosen) and not hidden
            if inside and "mesh" in node:
                visible.append((node, world[number]))
            children = reversed(node.get("children", []))
            waiting += [(child, world[number], inside) for child in children]
        if len(world) < len(nodes):
            raise damaged("some of its nodes are their own descendants")
        return world, visible

    def copies(self, node: Node, world: Array) -> Array:
        """Return the (I, 4, 4) matrix of each instance of the node's mesh."""
        extension = node.get("extensions", {}).get(INSTANCING)
        if extension is None:
            return world[None]
        kinds = {"TRANSLATION": "VEC3", "ROTATION": "VEC4", "SCALE": "VEC3"}
        given = {key: at for key, at in extension["attributes"].items() if key in kinds}
        found = {key.lower(): self.numbers(at, kinds[key]) for key, at in given.items()}
        if len({len(values) for values in found.values()}) != 1:
            raise damaged(f"the attributes of its {INSTANCING} lack, or differ in their counts")
        return world @ _compose(**found)

    def joints(self, index: Any, world: dict[int, Array]) -> Array:
        """Return each joint's world matrix times its inverse bind matrix, (J, 4, 4)."""
        skin = self.at("skins", index)
        matrix = np.stack([world[joint] for joint in skin["joints"]])
        if "inverseBindMatrices" not in skin:
            return matrix
        inverse = self.numbers(skin["inverseBindMatrices"], "MAT4")
        if len(inverse) < len(matrix):
            raise damaged(f"a skin of {len(matrix)} joints has {len(inverse)} bind matrices")
        return matrix @ inverse[: len(matrix)].reshape(-1, 4, 4).swapaxes(1, 2)

    def blend(self, columns: dict[str, Array], matrix: Array) -> Array:
        """Return each vertex's weighted sum of the matrices of its joints, (1, V, 4, 4)."""
        if "joint" not in columns:
            raise damaged("a mesh that a skin moves has no JOINTS_0 and WEIGHTS_0")
        weight = columns["weight"]
        joint = np.where(weight != 0, columns["joint"], 0)  # with weight 0, it may be any number
        if joint.max() >= len(matrix):
            raise damaged(f"a vertex refers to joint {joint.max()} of {len(matrix)}")
        blended = np.zeros((1, len(weight), 4, 4))
        for each, share in zip(joint.T, weight.T, strict=True):  # in turn, to save memory
            blended[0] += share[:, None, None] * matrix[each]
        return blended

    def mesh(self, index: int, weights: Array) -> list[Part]:
        """Read the parts of a mesh, in its own coordinates and linear light."""
        # Programs write one primitive per material; those with the same vertices become one part.
        parts: dict[Any, Part] = {}
        for number, primitive in enumerate(self.at("meshes", index)["primitives"]):
            mode = primitive.get("mode", _TRIANGLES)
            if mode in (1, 2, 3):
                self.lines += 1
                continue
            if mode not in (_POINTS, _TRIANGLES, _STRIP, _FAN):
                raise damaged(f"the mode of a primitive is {mode!r:.20}")
            key: Any = number
            if mode != _POINTS:
                key = json.dumps([primitive["attributes"], primitive.get("targets")])
            columns, faces = parts.get(key) or (self.vertices(primitive, weights), None)
            order = np.arange(num := len(columns["pos"]))
            if "indices" in primitive:
                order = self.numbers(primitive["indices"], "SCALAR", whole=True)[:, 0]
                if order.max() >= num:
                    raise damaged(f"it refers to vertex {order.max()}, but there are {num}")
            if mode == _POINTS:
                parts[key] = {name: values[order] for name, values in columns.items()}, None
                continue
            if len(order) < 3 or (mode == _TRIANGLES and len(order) % 3):
                raise damaged(f"{len(order)} corners make no triangles, strip or fan")
            if mode == _TRIANGLES:
                found = order.reshape(-1, 3)
            elif mode == _STRIP:
                found = unroll_strips(np.array([len(order)]), order)
            else:
                first = np.full(len(order) - 2, order[0])
                found = np.stack((first, order[1:-1], order[2:]), axis=1)
            parts[key] = columns, found if faces is None else np.concatenate((faces, found))
        return [*parts.values()]

    def vertices(self, primitive: dict[str, Any], weights: Array) -> dict[str, Array]:
        """Read the values at the vertices, with the default morph."""
        attributes, found = primitive["attributes"], dict[str, Array]()
        if "POSITION" not in attributes:
            only = only_in(primitive.get("extensions", {}))
            raise InputError(f"a primitive has no positions{only}")
        for key in _VERTEX.keys() & attributes:
            name, *kinds = _VERTEX[key]
            # Integer colors are always normalized, although some files do not say so.
            values = self.numbers(attributes[key], *kinds, fractions=key == "COLOR_0")
            found[name] = values[:, :3].copy()
            for target, share in zip(primitive.get("targets", []), weights, strict=False):
                if share and key in target:
                    found[name] += share * self.numbers(target[key], *kinds)[:, :3]
        joints, shares = list[Array](), list[Array]()
        while f"JOINTS_{len(joints)}" in attributes and f"WEIGHTS_{len(joints)}" in attributes:
            shares.append(self.numbers(attributes[f"WEIGHTS_{len(joints)}"], "VEC4"))
            joints.append(self.numbers(attributes[f"JOINTS_{len(joints)}"], "VEC4", whole=True))
        if joints:
            weight = np.concatenate(shares, axis=1)
            weight[~(weight.sum(1) > 0), :1] = 1.0  # moved by its first joint alone
            found["weight"] = weight / weight.sum(1, keepdims=True)
            found["joint"] = np.concatenate(joints, axis=1)
        if len({len(values) for values in found.values()}) > 1:
            raise damaged("the attributes of a primitive differ in their counts")
        return found


def _moved(columns: dict[str, Array], faces: Array | None, matrix: Array) -> Raw:
    """Transform a part by (I, 1, 4, 4) matrices of instances or (1, V, 4, 4) of vertices."""
    # A mirror reverses the winding of faces; their corners are swapped, so that faces that point
    # outward still do.
    linear, num = matrix[..., :3, :3], len(columns["pos"])
    pos = np.einsum("...ab,...b->...a", linear, columns["pos"]) + matrix[..., :3, 3]  # (I, V, 3)
    det = np.linalg.det(linear)
    normal, color = columns.get("normal"), columns.get("color")
    if normal is not None:
        # The inverse transpose times the absolute determinant, which is never infinite.
        a, b, c = linear[..., 0, :], linear[..., 1, :], linear[..., 2, :]
        cofactors = np.stack((np.cross(b, c), np.cross(c, a), np.cross(a, b)), axis=-2)
        cofactors *= np.where(det < 0, -1.0, 1.0)[..., None, None]
        normal = np.einsum("...ab,...b->...a", cofactors, normal).reshape(-1, 3)
    if faces is not None:
        sign = np.broadcast_to(np.sign(det), pos.shape[:2])[:, faces].sum(2)  # (I, F)
        faces = np.where((sign < 0)[..., None], faces[:, [0, 2, 1]], faces)
        faces = (faces + num * np.arange(len(matrix))[:, None, None]).reshape(-1, 3)
    color = None if color is None else np.tile(color, (len(matrix), 1))
    return Raw(pos.reshape(-1, 3), faces, normal, color)


def _compose(
    translation: Any = (0, 0, 0), rotation: Any = (0, 0, 0, 1), scale: Any = (1, 1, 1)
) -> Array:
    """Build (I, 4, 4) matrices that scale, then rotate by quaternions x y z w, then translate."""
    from scipy.spatial.transform import Rotation  # only few files need it

    turn = Rotation.from_quat(np.reshape(rotation, (-1, 4))).as_matrix()
    linear = turn * np.array(scale, np.float64).reshape(-1, 1, 3)
    move = np.array(translation, np.float64).reshape(-1, 3)
    matrix = np.tile(np.eye(4), (max(len(linear), len(move)), 1, 1))
    matrix[:, :3, :3], matrix[:, :3, 3] = linear, move
    return matrix
