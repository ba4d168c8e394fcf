"""GLB files, read back by our reader, by trimesh, and by hand."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read, write_glb
from pcea.formats.colors import to_linear

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
    assert found.color is not None
    assert torch.equal(found.color, color)
    assert not found.offset.any() and found.notes == ()


def test_a_cloud_comes_back_as_it_was(mesh: Mesh, color: torch.Tensor, tmp_path: Path) -> None:
    write_glb(tmp_path / "cloud.glb", mesh.vertices, None, color)
    found = read(tmp_path / "cloud.glb")
    assert isinstance(found, Cloud)
    assert found.color is not None
    assert torch.equal(found.pos, mesh.vertices)
    assert torch.equal(found.color, color)


def test_every_color_comes_back(tmp_path: Path) -> None:
    values = torch.arange(256, dtype=torch.uint8)
    color = torch.stack((values, values.flip(0), values // 2), dim=1)
    write_glb(tmp_path / "a.glb", torch.rand(256, 3), None, color)
    found = read(tmp_path / "a.glb").color
    assert found is not None
    assert torch.equal(found, color)


def test_trimesh_opens_it(mesh: Mesh, color: torch.Tensor, tmp_path: Path) -> None:
    write_glb(tmp_path / "mesh.glb", mesh.vertices, mesh.faces, color)
    write_glb(tmp_path / "cloud.glb", mesh.vertices, None, color)
    for name in ("mesh.glb", "cloud.glb"):
        scene = trimesh.load_scene(tmp_path / name, process=False)
        (part,) = scene.geometry.values()
        assert np.array_equal(np.asarray(part.vertices, np.float32), mesh.vertices.numpy())
        # trimesh shows the numbers of the file, which are linear light.
        shown = part.visual.vertex_colors if name == "mesh.glb" else part.colors
        assert np.array_equal(shown[:, :3], (255 * to_linear(color.numpy())).round())
        assert (shown[:, 3] == 255).all()


def test_open3d_opens_it(
    mesh: Mesh, color: torch.Tensor, tmp_path: Path, open3d: ModuleType
) -> None:
    write_glb(tmp_path / "mesh.glb", mesh.vertices, mesh.faces, color)
    found = open3d.io.read_triangle_mesh(str(tmp_path / "mesh.glb"))
    # It leaves out vertices that no face has.
    corner = np.asarray(found.vertices)[np.asarray(found.triangles)]
    np.testing.assert_allclose(corner, mesh.vertices[mesh.faces].numpy(), atol=1e-6)
    shown = np.asarray(found.vertex_colors)[np.asarray(found.triangles)]
    np.testing.assert_allclose(shown, to_linear(color.numpy())[mesh.faces.numpy()], atol=1e-6)


def test_the_file_says_what_the_specification_asks(
    mesh: Mesh, color: torch.Tensor, tmp_path: Path
) -> None:
    write_glb(tmp_path / "mesh.glb", mesh.vertices, mesh.faces, color, name="cup")
    tree, binary = parse(tmp_path / "mesh.glb")
    assert tree["asset"]["version"] == "2.0"
    assert tree["nodes"] == [{"mesh": 0, "name": "cup"}]
    assert tree["scenes"][tree["scene"]]["nodes"] == [0]
    (primitive,) = tree["meshes"][0]["primitives"]
    assert primitive.get("mode", 4) == 4
    place, light = (primitive["attributes"][name] for name in ("POSITION", "COLOR_0"))
    found = tree["accessors"][place]
    assert found["min"] == mesh.vertices.amin(0).tolist()
    assert found["max"] == mesh.vertices.amax(0).tolist()
    view = tree["bufferViews"][tree["accessors"][light]["bufferView"]]
    assert tree["accessors"][light]["componentType"] == 5126  # float
    stored = np.frombuffer(binary, "<f4", 120, view["byteOffset"]).reshape(40, 3)
    screen = color.double().numpy() / 255
    expected = np.where(screen <= 0.04045, screen / 12.92, ((screen + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(stored, expected, atol=1e-7)
    assert tree["buffers"] == [{"byteLength": len(binary)}]
    assert all(view["byteOffset"] % 4 == 0 for view in tree["bufferViews"])


MAP = torch.tensor([431_234.125, 5_412_345.0625, 210.5], dtype=torch.float64)


@pytest.mark.parametrize("kind", ["mesh", "cloud"])
def test_an_offset_is_the_place_of_the_node(
    mesh: Mesh, color: torch.Tensor, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "map.glb"
    faces = mesh.faces if kind == "mesh" else None
    write_glb(path, mesh.vertices, faces, color, offset=MAP)
    tree, binary = parse(path)
    assert tree["nodes"][0]["translation"] == MAP.tolist()
    assert np.array_equal(np.frombuffer(binary, "<f4", 120).reshape(40, 3), mesh.vertices.numpy())
    found = read(path)
    expected = mesh.vertices.double() + MAP
    assert torch.allclose(found.file_pos, expected, rtol=0, atol=1e-6)  # of about 1


def test_what_was_read_with_an_offset_comes_back_exactly(
    mesh: Mesh, color: torch.Tensor, tmp_path: Path
) -> None:
    cloud = Cloud(mesh.vertices.double() + MAP, color=color)
    assert cloud.offset.any()
    write_glb(tmp_path / "a.glb", cloud.pos, None, color, offset=cloud.offset)
    found = read(tmp_path / "a.glb")
    assert isinstance(found, Cloud)
    assert torch.equal(found.pos, cloud.pos) and torch.equal(found.offset, cloud.offset)


def test_float64_positions_far_away_keep_their_digits(
    mesh: Mesh, color: torch.Tensor, tmp_path: Path
) -> None:
    far = mesh.vertices.double() + MAP
    write_glb(tmp_path / "a.glb", far, mesh.faces, color, offset=[1, 2, 3])
    found = read(tmp_path / "a.glb").file_pos - torch.tensor([1, 2, 3])
    assert torch.allclose(found, far, rtol=0, atol=1e-6)


def test_refuses_what_does_not_fit_and_leaves_the_old_file(
    mesh: Mesh, color: torch.Tensor, tmp_path: Path
) -> None:
    path = tmp_path / "mesh.glb"
    write_glb(path, mesh.vertices, mesh.faces, color)
    before = path.read_bytes()
    for pos, faces, colors, reason in (
        (mesh.vertices[:, :2], mesh.faces, color, r"mesh\.glb: pos must have shape \(N, 3\)"),
        (mesh.vertices * float("nan"), mesh.faces, color, "NaN"),
        (mesh.vertices[:0], None, color[:0], "no points"),
        (mesh.vertices, mesh.faces + 30, color, "refers to vertex 6. .* there are 40 vertices"),
        (mesh.vertices, mesh.faces, color[:3], r"color must have shape \(40, 3\)"),
        (mesh.vertices, mesh.faces, color.float(), "uint8"),
    ):
        with pytest.raises(InputError, match=reason):
            write_glb(path, pos, faces, colors)
    with pytest.raises(InputError, match=r"offset must have shape \(3,\)"):
        write_glb(path, mesh.vertices, mesh.faces, color, offset=[1, 2])
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["mesh.glb"]


def parse(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    assert data[:4] == b"glTF"
    size = int.from_bytes(data[12:16], "little")
    return json.loads(data[20 : 20 + size]), data[20 + size + 8 :]
