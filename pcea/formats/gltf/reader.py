"""glTF 2.0: the scene that a file shows by default becomes one mesh or one cloud."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
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
from pcea.formats.raw import Raw, join

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
    parts = [part for part in parts if part.faces is None or len(part.faces)]
    if not parts:
        only = ", only lines" if document.lines else ""
        raise InputError(f"{path}: it holds no faces and no points{only}")
    raw = join([Raw(part.pos, part.faces, part.normal, part.color) for part in parts])
    color = None if raw.color is None else to_screen(raw.color)
    return replace(raw, color=color, notes=(*_notes(document), *raw.notes))


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
