"""Normals for shading a mesh: smooth over curved surfaces, sharp at edges."""

import numpy as np

from pcea.formats.raw import Array
from pcea.geometry.kernels.compiled import compiled
from pcea.geometry.surface import weld

# The edge between two faces is sharp if the cosine of their normals' angle is below this.
CREASE = float(np.cos(np.radians(40)))
# If more faces than this meet at a vertex, the mean is taken over some of them.
MOST_FACES = 64


def corner_normals(vertices: Array, faces: Array) -> Array:
    """Compute a normal for each corner of faces (F, 3): the mean over the faces that meet smoothly.

    The normals are (F, 3, 3) float32 of length 1, zero where a face has no area. Faces beyond a
    sharp edge are left out, and the others are weighted by their angle at the vertex. The direction
    in which the vertices of a face run does not matter, since files often have it wrong.
    """
    place, num = weld(vertices)
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    flat = _unit(np.cross(b - a, c - a)).astype(np.float32)
    corner = vertices[faces].astype(np.float32)  # (F, 3, 3)
    ahead = _unit(np.roll(corner, -1, axis=1) - corner)
    angle = np.arccos(-np.einsum("fkc,fkc->fk", ahead, np.roll(ahead, 1, axis=1)).clip(-1, 1))
    order = np.argsort(place[faces].ravel(), kind="stable")  # the corners at each place
    first = np.zeros(num + 1, np.int64)
    np.cumsum(np.bincount(place[faces].ravel(), minlength=num), out=first[1:])
    result = np.repeat(flat, 3, axis=0)  # (3F, 3)
    _smooth(order, first, flat, angle.ravel(), result)
    return result.reshape(-1, 3, 3)


@compiled
def _smooth(order: Array, first: Array, normal: Array, weight: Array, result: Array) -> None:
    """Write into ``result`` the mean of the normals that meet smoothly at each corner."""
    total = np.zeros(3)
    for place in range(len(first) - 1):
        here = order[first[place] : first[place + 1]]
        some = here[:: 1 + len(here) // MOST_FACES]
        total[:] = 0.0
        for corner in some:
            for axis in range(3):
                total[axis] += weight[corner] * normal[corner // 3, axis]
        rough = False  # if all normals agree with their mean, it is used for all
        for corner in here:
            rough |= not _continues(normal[corner // 3], total)
        for corner in here:
            own = normal[corner // 3]
            if rough:
                total[:] = 0.0
                for other in some:
                    another = normal[other // 3]
                    along = own[0] * another[0] + own[1] * another[1] + own[2] * another[2]
                    if abs(along) >= CREASE:
                        for axis in range(3):
                            total[axis] += np.sign(along) * weight[other] * another[axis]
            if _continues(own, total):
                length = np.sqrt(total[0] ** 2 + total[1] ** 2 + total[2] ** 2)
                for axis in range(3):
                    result[corner, axis] = total[axis] / length


@compiled
def _continues(own: Array, total: Array) -> bool:
    along = own[0] * total[0] + own[1] * total[1] + own[2] * total[2]
    return along > CREASE * np.sqrt(total[0] ** 2 + total[1] ** 2 + total[2] ** 2)


def _unit(vector: Array) -> Array:
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector / np.where(length > 0, length, 1)
