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
# What each vertex of a primitive has: pos, normal, color, joint, weight; and its triangles.
Part = tuple[dict[str, Array], Array | None]

_POINTS, _TRIANGLES, _STRIP, _FAN = 0, 4, 5, 6
_VERTEX = {
    "POSITION": ("pos", "VEC3"),
    "NORMAL": ("normal", "VEC3"),
    "COLOR_0": ("color", "VEC3", "VEC4"),
}
_MOST_PLACED = 200_000_000  # a small file can ask for any number of copies of its mesh


@register_format("glb", "gltf")
def read_gltf(path: Path) -> Raw:
    """Read the triangles of a GLB or glTF file or, without any, its points, in float64."""
    # Every mesh of the default scene comes as often as the scene shows it, at its place, in the
    # pose and with the morph that the file has by default. Lines, materials, textures, animations
    # and cameras are left out. Colors are those of the screen.
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
    """The scene that an open file shows by default."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines = self.placed = 0

    def parts(self) -> Iterator[Raw]:
        """Everything that the default scene shows, at its place."""
        meshes = dict[str, list[Part]]()  # by their numbers and the weights of their morphs
        world, shown = self.nodes()
        for node, place in shown:
            weights = node.get("weights", self.at("meshes", node["mesh"]).get("weights", []))
            key = json.dumps([node["mesh"], weights])
            if key not in meshes:
                meshes[key] = self.mesh(node["mesh"], np.array(weights, np.float64))
            # A skin's joints say where its mesh is, whatever its node says.
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
        """Each node's (4, 4) place in the world, and the nodes with a mesh that the scene shows."""
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
            raise damaged(f"node {twice} is below two nodes, or twice below one")
        roots = dict.fromkeys(each for each in range(len(nodes)) if each not in under)
        chosen = dict.fromkeys(roots if chosen is None else chosen)
        first = [each for each in chosen | roots if each in roots]
        waiting = [(number, np.eye(4), False) for number in reversed(first)]
        world, shown = dict[int, Array](), list[tuple[Node, Array]]()
        while waiting:
            number, above, inside = waiting.pop()
            node = nodes[number]
            if "matrix" in node:
                own = np.array(node["matrix"], np.float64).reshape(1, 4, 4).swapaxes(1, 2)
            else:
                keys = ("translation", "rotation", "scale")
                own = _compose(**{key: node[key] for key in keys if key in node})
            if own.shape != (1, 4, 4) or not np.isfinite(own).all():
                raise damaged(f"the place of node {number} is not given by finite numbers")
            world[number] = above @ own[0]
            hidden = node.get("extensions", {}).get(VISIBILITY, {}).get("visible") is False
            inside = (inside or number in chosen) and not hidden
            if inside and "mesh" in node:
                shown.append((node, world[number]))
            children = reversed(node.get("children", []))
            waiting += [(child, world[number], inside) for child in children]
        if len(world) < len(nodes):
            raise damaged("some of its nodes are below themselves: they go round in a circle")
        return world, shown

    def copies(self, node: Node, world: Array) -> Array:
        """(I, 4, 4) where each copy of the node's mesh is."""
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
        """(J, 4, 4) each joint's place, times what undoes its place at binding."""
        skin = self.at("skins", index)
        matrix = np.stack([world[joint] for joint in skin["joints"]])
        if "inverseBindMatrices" not in skin:
            return matrix
        inverse = self.numbers(skin["inverseBindMatrices"], "MAT4")
        if len(inverse) < len(matrix):
            raise damaged(f"a skin of {len(matrix)} joints has {len(inverse)} bind matrices")
        return matrix @ inverse[: len(matrix)].reshape(-1, 4, 4).swapaxes(1, 2)

    def blend(self, columns: dict[str, Array], matrix: Array) -> Array:
        """(1, V, 4, 4) the matrices of the joints on which each vertex hangs, by their weights."""
        if "joint" not in columns:
            raise damaged("a mesh that a skin moves has no JOINTS_0 and WEIGHTS_0")
        weight = columns["weight"]
        joint = np.where(weight != 0, columns["joint"], 0)  # without weight, it may be any number
        if joint.max() >= len(matrix):
            raise damaged(f"a vertex hangs on joint {joint.max()} of {len(matrix)}")
        blended = np.zeros((1, len(weight), 4, 4))
        for each, share in zip(joint.T, weight.T, strict=True):  # together they take much memory
            blended[0] += share[:, None, None] * matrix[each]
        return blended

    def mesh(self, index: int, weights: Array) -> list[Part]:
        """The parts of a mesh, not at their place, in linear light, one for the same vertices."""
        # Programs write one primitive for each material.
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
        """What each vertex has, with the default morph."""
        attributes, found = primitive["attributes"], dict[str, Array]()
        if "POSITION" not in attributes:
            only = only_in(primitive.get("extensions", {}))
            raise InputError(f"a primitive has no positions{only}")
        for key in _VERTEX.keys() & attributes:
            name, *kinds = _VERTEX[key]
            # Colors of whole numbers are fractions, though some files do not say so.
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
            weight[~(weight.sum(1) > 0), :1] = 1.0  # it goes with its first joint
            found["weight"] = weight / weight.sum(1, keepdims=True)
            found["joint"] = np.concatenate(joints, axis=1)
        if len({len(values) for values in found.values()}) > 1:
            raise damaged("the attributes of a primitive differ in their counts")
        return found


def _moved(columns: dict[str, Array], faces: Array | None, matrix: Array) -> Raw:
    """Put a part at its place by (I, 1, 4, 4) matrices of instances or (1, V, 4, 4) of vertices."""
    # A mirror turns the order of a face's corners round; they are swapped back, so that faces that
    # point outward do so still.
    linear, num = matrix[..., :3, :3], len(columns["pos"])
    pos = np.einsum("...ab,...b->...a", linear, columns["pos"]) + matrix[..., :3, 3]  # (I, V, 3)
    det = np.linalg.det(linear)
    normal, color = columns.get("normal"), columns.get("color")
    if normal is not None:
        # The inverse transpose, times the size of the determinant: it is never infinite.
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
    """(I, 4, 4) that scale, then turn by quaternions x y z w, then move."""
    from scipy.spatial.transform import Rotation  # only few files need it

    turn = Rotation.from_quat(np.reshape(rotation, (-1, 4))).as_matrix()
    linear = turn * np.array(scale, np.float64).reshape(-1, 1, 3)
    move = np.array(translation, np.float64).reshape(-1, 3)
    matrix = np.tile(np.eye(4), (max(len(linear), len(move)), 1, 1))
    matrix[:, :3, :3], matrix[:, :3, 3] = linear, move
    return matrix
