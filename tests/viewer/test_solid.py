"""The bytes that a mesh is drawn from, read by another library."""

from __future__ import annotations

import io

import numpy as np
import torch
import trimesh

from pcea.formats import Mesh
from pcea.viewer.solid import Solid, vertex_normals


def test_another_reader_finds_the_mesh(cube: Mesh) -> None:
    color = np.arange(24, dtype=np.uint8).reshape(8, 3) * 10
    glb = Solid(cube.vertices, cube.faces).glb(color)
    read = trimesh.load(io.BytesIO(glb), file_type="glb", force="mesh", process=False)
    assert np.array_equal(read.vertices, cube.vertices.numpy())
    assert np.array_equal(read.faces, cube.faces.numpy())
    # GLB holds linear light; the screen's sRGB curve brings the colours back.
    light = _colors(glb) / 65535
    screen = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.array_equal(np.round(255 * screen).astype(np.uint8), color)


def _colors(glb: bytes) -> np.ndarray:
    return np.frombuffer(glb[-8 * 8 :], "<u2").reshape(8, 4)[:, :3]


def test_normals_of_a_cube_point_along_its_diagonals(cube: Mesh) -> None:
    normal = vertex_normals(cube.vertices, cube.faces)
    assert torch.allclose(normal.norm(dim=1), torch.ones(8))
    outward = cube.vertices - 0.5
    assert ((normal * outward).sum(1) > 0.7).all()


def test_a_stray_vertex_has_a_normal() -> None:
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]])
    normal = vertex_normals(vertices, torch.tensor([[0, 1, 2]]))
    assert torch.equal(normal, torch.tensor([[0.0, 0, 1]] * 3 + [[0, 1, 0]]))
