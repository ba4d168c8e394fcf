"""Values and labels of a mesh's faces."""

import numpy as np
import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.geometry.surface import weld

# The three corners of a face together weigh as much as this many points on it: corners also have
# values from points around the face, and on a large face, its own points prevail.
CORNERS = 4.0


def carry_to_faces(faces: Tensor, at_vertices: Tensor, face: Tensor, values: Tensor) -> Tensor:
    """Average values (V, C) at a mesh's vertices and (P, C) at points on it over each face.

    Returns weighted means, (F, C) float32 on the CPU; ``face`` (P,) has the face of each point.
    """
    a, b, c = faces.unbind(1)
    total = CORNERS / 3 * (at_vertices[a] + at_vertices[b] + at_vertices[c])
    total.index_add_(0, face, values.to(total.dtype))
    count = face.bincount(minlength=len(faces)).to(total.dtype)  # (F,)
    return total / (CORNERS + count).unsqueeze(1)


def smooth_labels(vertices: Tensor, faces: Tensor, label: Tensor, rounds: int = 1) -> Tensor:
    """Give each face the most frequent label, (F,) int64, among itself and its neighbors.

    Neighbors share an edge, whose length is their weight; the weight of the face itself is a third
    of its own edges. In a tie, a face keeps its label. Vertices at the same place are treated as
    one.
    """
    if label.shape != faces.shape[:1]:
        raise InputError(f"label must have shape ({len(faces)},), not {tuple(label.shape)}")
    if rounds < 1 or not len(faces):
        return label.clone()
    from scipy.sparse import csr_matrix

    corner, num = weld(vertices.cpu().numpy())
    triangles = corner[faces.cpu().numpy()]
    pos = np.empty((num, 3))
    pos[corner] = vertices.double().cpu().numpy()
    edge = triangles[:, [[0, 1], [1, 2], [2, 0]]]  # (F, 3, 2)
    length = np.linalg.norm(pos[edge[..., 0]] - pos[edge[..., 1]], axis=2)  # (F, 3)
    low, high = edge.min(2).ravel(), edge.max(2).ravel()
    key = low * num + high
    order = np.argsort(key, kind="stable")
    owner, shared = order // 3, key[order]
    # If more than two faces share an edge, each is a neighbor of the next one.
    meet = np.flatnonzero((shared[1:] == shared[:-1]) & (low[order[1:]] != high[order[1:]]))
    one, other, weight = owner[meet], owner[meet + 1], length.ravel()[order[meet]]
    own = np.arange(len(faces))
    rows, columns = np.concatenate([one, other, own]), np.concatenate([other, one, own])
    weights = np.concatenate([weight, weight, length.sum(1) / 3])
    adjacency = csr_matrix((weights, (rows, columns)), shape=(len(faces), len(faces)))

    labels, current = np.unique(label.cpu().numpy(), return_inverse=True)
    current = current.reshape(-1)
    for _ in range(rounds):
        votes = adjacency @ (current[:, None] == np.arange(len(labels)))  # (F, L)
        best = votes.argmax(1)
        # A smaller difference is a rounding error.
        better = votes[own, best] > votes[own, current] * (1 + 1e-9)
        current = np.where(better, best, current)
    return torch.from_numpy(labels[current])
