"""Vertices, normals and faces go to their place: by a node's matrices, or by a skin's joints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pcea.formats.gltf.accessors import read_reals
from pcea.formats.gltf.container import Document
from pcea.formats.gltf.primitives import Part
from pcea.formats.gltf.tree import Entry, refer
from pcea.formats.raw import Array


def place(part: Part, matrix: Array) -> Part:
    """Put a part where its node, or each of its instances, is.

    A mirror turns the order of a face's corners round; they are swapped back, so that faces that
    point outward do so still.

    Args:
        part: V vertices and F faces.
        matrix: (I, 4, 4) float64.

    Returns:
        I · V vertices and I · F faces, one instance after the other.
    """
    linear = matrix[:, :3, :3]
    pos = part.pos @ linear.transpose(0, 2, 1) + matrix[:, None, :3, 3]  # (I, V, 3)
    normal, faces, color = part.normal, part.faces, part.color
    if normal is not None:
        normal = (normal @ _for_normals(linear).transpose(0, 2, 1)).reshape(-1, 3)
    if faces is not None:
        faces = np.broadcast_to(faces, (len(matrix), *faces.shape)).copy()  # (I, F, 3)
        mirrored = np.linalg.det(linear) < 0
        faces[mirrored] = faces[mirrored][:, :, [0, 2, 1]]
        faces += len(part.pos) * np.arange(len(matrix))[:, None, None]
        faces = faces.reshape(-1, 3)
    if color is not None:
        color = np.tile(color, (len(matrix), 1))
    return Part(pos.reshape(-1, 3), faces, normal, color)


def pose(part: Part, joints: Array, skin: Entry) -> Part:
    """Put a part where the joints of its skin are, as the file has them.

    Args:
        part: V vertices that know their joints.
        joints: (J, 4, 4) float64, what :func:`joint_matrices` gives.
        skin: for messages.

    Raises:
        InputError: the part knows no joints, or one that the skin does not have.
    """
    if part.joint is None or part.weight is None:
        raise skin.error("a mesh that it moves has no JOINTS_0 and WEIGHTS_0")
    joint = np.where(part.weight != 0, part.joint, 0)  # what has no weight may be any number
    if joint.max() >= len(joints):
        raise skin.error(f"a vertex hangs on joint {joint.max()}, but there are {len(joints)}")
    blended = np.zeros((len(part.pos), 3, 4))
    for column in range(joint.shape[1]):  # one at a time: together they take much memory
        blended += part.weight[:, column, None, None] * joints[joint[:, column], :3]
    linear = blended[:, :, :3]
    pos = np.einsum("vab,vb->va", linear, part.pos) + blended[:, :, 3]
    normal, faces = part.normal, part.faces
    if normal is not None:
        normal = np.einsum("vab,vb->va", _for_normals(linear), normal)
    if faces is not None:
        turned = np.sign(np.linalg.det(linear))[faces].sum(1) < 0  # (F,)
        faces = np.where(turned[:, None], faces[:, [0, 2, 1]], faces)
    return replace(part, pos=pos, normal=normal, faces=faces)


def joint_matrices(document: Document, skin: Entry, world: Array) -> Array:
    """Multiply each joint's place with what undoes its place at binding.

    Args:
        document: the open file.
        skin: one of its skins.
        world: (nodes, 4, 4), where the nodes are.

    Returns:
        (J, 4, 4) float64.

    Raises:
        InputError: a joint is no node, or the matrices are too few.
    """
    joints = skin.wholes("joints")
    if not joints:
        raise skin.error("it has no joints")
    if max(joints) >= len(world):
        raise skin.error(f"its joint is node {max(joints)}, but there are {len(world)}")
    if "inverseBindMatrices" not in skin:
        return world[joints]
    accessor = refer(document.root, skin, "inverseBindMatrices", "accessors")
    inverse = read_reals(document, accessor, ("MAT4",))
    if len(inverse) < len(joints):
        raise skin.error(f"it has {len(joints)} joints, but {len(inverse)} inverseBindMatrices")
    return world[joints] @ inverse[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1)


def _for_normals(linear: Array) -> Array:
    """(…, 3, 3) the inverse transpose, times the size of the determinant: it is never infinite."""
    a, b, c = linear[..., 0, :], linear[..., 1, :], linear[..., 2, :]
    cofactors = np.stack((np.cross(b, c), np.cross(c, a), np.cross(a, b)), axis=-2)
    return cofactors * np.where(np.linalg.det(linear) < 0, -1.0, 1.0)[..., None, None]
