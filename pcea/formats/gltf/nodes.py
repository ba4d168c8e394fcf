"""The nodes of a scene: which meshes are where, and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pcea.formats.gltf.accessors import read_reals
from pcea.formats.gltf.container import Document
from pcea.formats.gltf.extensions import INSTANCING, VISIBILITY
from pcea.formats.gltf.tree import Entry, refer
from pcea.formats.raw import Array


@dataclass(frozen=True)
class Placed:
    """A mesh that stands in the scene.

    Args:
        mesh: which one.
        node: the node that holds it; the mesh itself in a file without nodes.
        matrix: (I, 4, 4) float64, where it stands: once, or once an instance.
    """

    mesh: Entry
    node: Entry
    matrix: Array


def place_meshes(document: Document, world: Array) -> list[Placed]:
    """Find the meshes of the scene that is shown by default.

    Without scenes these are all nodes, and without nodes all meshes.

    Args:
        document: the open file.
        world: (nodes, 4, 4), what :func:`world_matrices` gives.

    Raises:
        InputError: a reference leads nowhere.
    """
    root = document.root
    if not root.count("nodes"):
        meshes = (root.at("meshes", number) for number in range(root.count("meshes")))
        return [Placed(mesh, mesh, np.eye(4)[None]) for mesh in meshes]
    placed = []
    for number in _shown(root):
        node = root.at("nodes", number)
        if "mesh" in node:
            mesh = refer(root, node, "mesh", "meshes")
            placed.append(Placed(mesh, node, world[number] @ _instances(document, node)))
    return placed


def world_matrices(root: Entry) -> Array:
    """Multiply each node's matrix with those of the nodes above it.

    Returns:
        (nodes, 4, 4) float64.

    Raises:
        InputError: a node is below two others or below itself, or its place is no place.
    """
    num = root.count("nodes")
    world = _matrices([root.at("nodes", number) for number in range(num)])
    children = [_children(root, number) for number in range(num)]
    above = np.full(num, -1)
    for number, below in enumerate(children):
        for child in below:
            if above[child] >= 0:
                raise root.at("nodes", child).error("it is below two nodes, or twice below one")
            above[child] = number
    waiting = [number for number in range(num) if above[number] < 0]
    reached = 0
    while waiting:
        number = waiting.pop()
        reached += 1
        if above[number] >= 0:
            world[number] = world[above[number]] @ world[number]
        waiting += children[number]
    if reached < num:
        raise root.error("some of its nodes are below themselves: they go round in a circle")
    return world


def _shown(root: Entry) -> list[int]:
    """The nodes of the scene that is shown by default, each once, those above first."""
    num = root.count("nodes")
    if root.count("scenes"):
        chosen = refer(root, root, "scene", "scenes") if "scene" in root else root.at("scenes", 0)
        waiting = chosen.wholes("nodes")
        if max(waiting, default=0) >= num:
            raise chosen.error(f"it shows node {max(waiting)}, but there are {num}")
    else:
        below = {child for number in range(num) for child in _children(root, number)}
        waiting = [number for number in range(num) if number not in below]
    found: dict[int, None] = {}
    waiting = waiting[::-1]
    while waiting:
        number = waiting.pop()
        visible = root.at("nodes", number).child("extensions").child(VISIBILITY)
        if number not in found and visible.values.get("visible") is not False:
            found[number] = None
            waiting += _children(root, number)[::-1]
    return [*found]


def _children(root: Entry, number: int) -> list[int]:
    node, num = root.at("nodes", number), root.count("nodes")
    children = node.wholes("children")
    if max(children, default=0) >= num:
        raise node.error(f"node {max(children)} is below it, but there are {num}")
    return children


def _matrices(nodes: list[Entry]) -> Array:
    """(nodes, 4, 4) from each node to the one above it."""
    matrices = _compose(
        *(
            np.array([node.reals(key, len(rest)) or rest for node in nodes]).reshape(-1, len(rest))
            for key, rest in (
                ("translation", (0.0, 0.0, 0.0)),
                ("rotation", (0.0, 0.0, 0.0, 1.0)),
                ("scale", (1.0, 1.0, 1.0)),
            )
        )
    )
    for number, node in enumerate(nodes):
        columns = node.reals("matrix", 16)
        if columns is not None:
            matrices[number] = np.reshape(columns, (4, 4)).T
    return matrices


def _compose(move: Array, turn: Array, scale: Array) -> Array:
    """(I, 4, 4) that scale, then turn by (I, 4) quaternions x y z w, then move."""
    length = np.linalg.norm(turn, axis=1, keepdims=True)
    x, y, z, w = np.divide(turn, length, out=np.zeros_like(turn), where=length > 0).T  # (I,) each
    matrix = np.zeros((len(move), 4, 4))
    matrix[:, :3, :3] = np.stack(
        (
            *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        ),
        axis=1,
    ).reshape(-1, 3, 3)
    matrix[:, :3, :3] *= scale[:, None]
    matrix[:, :3, 3] = move
    matrix[:, 3, 3] = 1
    return matrix


def _instances(document: Document, node: Entry) -> Array:
    """(I, 4, 4) from each copy of the node's mesh to the node: one copy, if no more are asked."""
    extension = node.child("extensions").child(INSTANCING)
    attributes = extension.child("attributes")
    found: dict[str, Array] = {}
    for name, kind in (("TRANSLATION", "VEC3"), ("ROTATION", "VEC4"), ("SCALE", "VEC3")):
        if name in attributes:
            accessor = refer(document.root, attributes, name, "accessors")
            if "bufferView" not in accessor:  # or a small file could ask for any number of copies
                raise accessor.error(f"it has no data for the {name} of instances")
            # Whole numbers cannot be quaternions unless they are fractions.
            found[name] = read_reals(document, accessor, (kind,), normalized=name == "ROTATION")
    if not found:
        if extension.values:
            raise node.error(f"its {INSTANCING} says neither where nor how its copies stand")
        return np.eye(4)[None]
    counts = {len(values) for values in found.values()}
    if len(counts) > 1:
        raise node.error(f"the attributes of its {INSTANCING} differ in their counts")
    (num,) = counts
    return _compose(
        found.get("TRANSLATION", np.zeros((num, 3))),
        found.get("ROTATION", np.tile([0.0, 0.0, 0.0, 1.0], (num, 1))),
        found.get("SCALE", np.ones((num, 3))),
    )
