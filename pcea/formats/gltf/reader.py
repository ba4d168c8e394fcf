"""glTF 2.0: the scene that a file shows by default becomes one mesh or one cloud."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pcea.errors import InputError
from pcea.formats.gltf.container import Document, open_document
from pcea.formats.gltf.nodes import Placed, place_meshes, world_matrices
from pcea.formats.gltf.placing import joint_matrices, place, pose
from pcea.formats.gltf.primitives import Part, read_mesh
from pcea.formats.gltf.tree import refer
from pcea.formats.light import to_screen
from pcea.formats.raw import Raw

# A small file can ask for any number of copies of its mesh.
_MOST = 200_000_000


def read_gltf(path: Path) -> Raw:
    """Read a GLB or glTF file: its triangles or, without any, its points.

    Every mesh of the default scene comes as often as the scene shows it, at its place, in the pose
    and with the morph that the file has by default. Lines, materials, textures, animations and
    cameras are left out. Positions are float64, colors those of the screen.

    Raises:
        InputError: it is no glTF 2.0, damaged, compressed, requires an unknown extension, refers
            to anything outside its own folder, or holds no triangles and no points.
    """
    document = open_document(path)
    world = world_matrices(document.root)
    placed = place_meshes(document, world)
    _check_size(document, placed)
    parts: list[Part] = []
    for group in _alike(placed):
        first = group[0]
        read = read_mesh(document, first.mesh, _weights(first))
        if "skin" in first.node:
            skin = refer(document.root, first.node, "skin", "skins")
            # A skin's joints say where its mesh is, whatever its node says.
            joints = joint_matrices(document, skin, world)
            parts += [pose(part, joints, skin) for part in read]
        else:
            matrix = np.concatenate([each.matrix for each in group])
            parts += [place(part, matrix) for part in read]
    meshes = [part for part in parts if part.faces is not None and len(part.faces)]
    points = [part for part in parts if part.faces is None]
    if not (meshes or points):
        only = ", only lines" if document.lines else ""
        raise InputError(f"{path}: it holds no faces and no points{only}")
    notes = _notes(document)
    if meshes and points:
        num = sum(len(part.pos) for part in points)
        notes.append(f"{num} points beside its faces were left out")
    return _join(meshes or points, notes)


def _alike(placed: list[Placed]) -> Iterable[list[Placed]]:
    """Put together what differs in its place only, to be read once and placed at once."""
    groups: dict[Any, list[Placed]] = {}
    for each in placed:
        key = each.mesh.name, _weights(each), repr(each.node.values.get("skin"))
        groups.setdefault(key, []).append(each)
    return groups.values()


def _weights(placed: Placed) -> tuple[float, ...]:
    """How far the morph targets are applied: the node's word counts for more than the mesh's."""
    own = placed.node.reals("weights")
    return tuple((own if own is not None else placed.mesh.reals("weights")) or ())


def _check_size(document: Document, placed: list[Placed]) -> None:
    """Refuse more copies than memory has room for, before any is made."""
    total = 0
    for each in placed:
        for primitive in each.mesh.children("primitives", "primitive"):
            for entry, key in ((primitive.child("attributes"), "POSITION"), (primitive, "indices")):
                if key in entry:
                    accessor = refer(document.root, entry, key, "accessors")
                    total += accessor.whole("count") * len(each.matrix)
        if total > _MOST:
            raise each.node.error(f"its scene shows more than {_MOST:,} vertices and indices")


def _join(parts: list[Part], notes: list[str]) -> Raw:
    """Put parts of one kind together."""
    before = np.cumsum([0, *(len(part.pos) for part in parts)])
    faces = [
        part.faces + start
        for part, start in zip(parts, before, strict=False)
        if part.faces is not None
    ]
    colors = [part.color for part in parts if part.color is not None]
    if 0 < len(colors) < len(parts):
        notes.append(
            f"only {len(colors)} of its {len(parts)} parts have vertex colors, which were left out"
        )
    normal = None
    if any(part.normal is not None for part in parts):
        # Zero is "unknown".
        normals = (np.zeros_like(p.pos) if p.normal is None else p.normal for p in parts)
        normal = np.concatenate([*normals])
    return Raw(
        pos=np.concatenate([part.pos for part in parts]),
        faces=np.concatenate(faces) if faces else None,
        normal=normal,
        color=to_screen(np.concatenate(colors)) if len(colors) == len(parts) else None,
        notes=tuple(notes),
    )


def _notes(document: Document) -> list[str]:
    notes = []
    num = document.root.count("scenes")
    if num > 1:
        notes.append(f"of its {num} scenes, only the one that is shown by default was read")
    if document.lines:
        notes.append(f"{len(document.lines)} of its primitives are lines, which were left out")
    if document.placeless:
        notes.append(f"{len(document.placeless)} of its primitives have no positions")
    return notes
