"""GLB files, read back by our reader, by trimesh, and by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read, write_glb

trimesh = pytest.importorskip("trimesh")


@pytest.fixture
def mesh(generator: torch.Generator) -> Mesh:
    """Corners that two seams share stay two; one is in no face."""
    vertices = torch.rand(40, 3, generator=generator)
    vertices[7] = vertices[8]
    faces = torch.randint(0, 39, (60, 3), generator=generator)
    return Mesh(vertices, faces)


@pytest.fixture
def color(generator: torch.Generator) -> torch.Tensor:
    color = torch.randint(0, 256, (40, 3), generator=generator, dtype=torch.uint8)
    color[:2] = torch.tensor([[0, 0, 0], [255, 255, 255]], dtype=torch.uint8)
    return color


def test_a_mesh_comes_back_as_it_was(mesh: Mesh, color: torch.Tensor, tmp_path: Path) -> None:
    path = tmp_path / "parts" / "mesh.glb"
    write_glb(path, mesh.vertices, mesh.faces, color)
    found = read(path)
    assert isinstance(found, Mesh)
    assert torch.equal(found.vertices, mesh.vertices)
    assert torch.equal(found.faces, mesh.faces)
    scene = trimesh.load_scene(path, process=False)
    (part,) = scene.geometry.values()
    assert np.array_equal(np.asarray(part.vertices, np.float32), mesh.vertices.numpy())
    assert np.array_equal(part.visual.vertex_colors[:, :3], color.numpy())


def test_the_file_holds_the_colours(mesh: Mesh, color: torch.Tensor, tmp_path: Path) -> None:
    write_glb(tmp_path / "mesh.glb", mesh.vertices, mesh.faces, color, name="cup")
    tree, binary = parse(tmp_path / "mesh.glb")
    assert tree["nodes"][0]["name"] == "cup"
    (primitive,) = tree["meshes"][0]["primitives"]
    accessor = tree["accessors"][primitive["attributes"]["COLOR_0"]]
    assert (accessor["componentType"], accessor["type"]) == (5121, "VEC4")
    assert accessor["normalized"]
    start = tree["bufferViews"][accessor["bufferView"]]["byteOffset"]
    found = np.frombuffer(binary, np.uint8, 160, start).reshape(40, 4)
    assert np.array_equal(found[:, :3], color.numpy())
    assert (found[:, 3] == 255).all()


def test_a_cloud_comes_back_as_it_was(mesh: Mesh, color: torch.Tensor, tmp_path: Path) -> None:
    write_glb(tmp_path / "cloud.glb", mesh.vertices, None, color)
    found = read(tmp_path / "cloud.glb")
    assert isinstance(found, Cloud)
    assert found.color is not None
    assert torch.equal(found.pos, mesh.vertices)
    assert torch.equal(found.color, color)


def test_refuses_what_does_not_fit_and_leaves_the_old_file(
    mesh: Mesh, color: torch.Tensor, tmp_path: Path
) -> None:
    path = tmp_path / "mesh.glb"
    write_glb(path, mesh.vertices, mesh.faces, color)
    before = path.read_bytes()
    for pos, faces, colors, reason in (
        (mesh.vertices[:, :2], mesh.faces, color, r"\(V, 3\)"),
        (mesh.vertices, mesh.faces + 30, color, "refers to none"),
        (mesh.vertices, mesh.faces, color[:3], r"color must have shape \(40, 3\)"),
        (mesh.vertices, mesh.faces, color.float(), "uint8"),
    ):
        with pytest.raises(InputError, match=reason):
            write_glb(path, pos, faces, colors)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["mesh.glb"]


def parse(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    assert data[:4] == b"glTF"
    size = int.from_bytes(data[12:16], "little")
    return json.loads(data[20 : 20 + size]), data[20 + size + 8 :]
