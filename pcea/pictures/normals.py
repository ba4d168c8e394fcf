"""Normals to light a mesh by: smooth over curved surfaces, sharp at edges."""

from __future__ import annotations

import numpy as np

from pcea.formats.raw import Array

# Faces that meet at more than this are an edge.
CREASE = np.cos(np.radians(40))
# A vertex of more faces than this is a fan's tip; its pairs of faces would be too many.
MOST_FACES = 64


def face_normals(vertices: Array, faces: Array) -> Array:
    """Give each face its unit normal, (F, 3); zero where it has no area."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return _unit(np.cross(b - a, c - a)).astype(np.float32)


def corner_normals(vertices: Array, faces: Array, normal: Array) -> Array:
    """Give each corner of each face the mean normal of the faces around it that continue its own.

    Faces at an edge do not count, and which way round a face's vertices run does not matter:
    files often have it wrong.

    Args:
        vertices: (V, 3) positions; those at one place count as one.
        faces: (F, 3).
        normal: (F, 3) unit normals of the faces.

    Returns:
        (F, 3, 3) float32 unit normals, on the side of the face's own.
    """
    place = _welded(vertices)[faces].ravel()  # (3F,)
    face = np.repeat(np.arange(len(faces)), 3)  # (3F,)
    weight = _angles(vertices, faces).ravel()[:, None]  # (3F, 1)
    own = normal[face]  # (3F, 3)
    total = np.stack(
        [np.bincount(place, (weight * own)[:, axis]) for axis in range(3)], axis=1
    )  # (places, 3)
    smooth = _unit(total).astype(np.float32)[place]  # (3F, 3)
    along = np.einsum("nc,nc->n", smooth, own)
    # Where all faces at a place agree, that is all; else each corner looks at its neighbours.
    count = np.bincount(place)
    rough = np.zeros(len(count), bool)
    rough[place[along < CREASE]] = True
    result = np.where((along > CREASE)[:, None], smooth, own)
    corner = np.flatnonzero((rough & (count <= MOST_FACES))[place])
    if len(corner):
        result[corner] = _among_neighbors(place[corner], own[corner], weight[corner])
    return result.reshape(-1, 3, 3)


def _among_neighbors(place: Array, own: Array, weight: Array) -> Array:
    order = np.argsort(place, kind="stable")
    place, own, weight = place[order], own[order], weight[order]
    _, first, count = np.unique(place, return_index=True, return_counts=True)
    first, count = np.repeat(first, count), np.repeat(count, count)  # of each corner's place
    total = np.zeros((len(place), 3))
    for step in range(int(count.max())):
        one = np.flatnonzero(step < count)
        other = first[one] + step
        along = np.einsum("nc,nc->n", own[one], own[other])[:, None]
        counts = np.abs(along) >= CREASE
        total[one] += np.where(counts, np.sign(along) * weight[other] * own[other], 0)
    result = np.empty_like(own)
    result[order] = _unit(total)
    return result


def _welded(vertices: Array) -> Array:
    """Number the places: (V,), equal for vertices at equal positions."""
    bits = (vertices.astype(np.float32) + 0.0).view(np.uint32).astype(np.uint64)  # -0 is 0
    primes = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    mixed = bits * primes
    key = mixed[:, 0] ^ (mixed[:, 1] >> np.uint64(7)) ^ (mixed[:, 2] << np.uint64(5))
    return np.unique(key, return_inverse=True)[1].ravel()


def _angles(vertices: Array, faces: Array) -> Array:
    """Measure the angle at each corner of each face, (F, 3)."""
    corner = vertices[faces].astype(np.float32)  # (F, 3, 3)
    angles = []
    for k in range(3):
        one = _unit(corner[:, (k + 1) % 3] - corner[:, k])
        other = _unit(corner[:, (k + 2) % 3] - corner[:, k])
        angles.append(np.arccos(np.einsum("fc,fc->f", one, other).clip(-1, 1)))
    return np.stack(angles, axis=1)


def _unit(vector: Array) -> Array:
    length = np.sqrt(np.einsum("nc,nc->n", vector, vector))[:, None]
    return vector / np.where(length > 0, length, 1)
