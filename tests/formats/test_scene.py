from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import trimesh

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read


def _same_triangles(mesh: Mesh, expected: trimesh.Trimesh) -> None:
    np.testing.assert_allclose(
        mesh.vertices[mesh.faces].numpy(), expected.vertices[expected.faces], atol=1e-5
    )


@pytest.mark.parametrize("kind", ["stl", "stl_ascii", "glb"])
def test_it_agrees_with_trimesh(tmp_path: Path, kind: str) -> None:
    expected = trimesh.creation.cylinder(radius=1, height=3)
    path = tmp_path / f"can.{kind[:3]}"
    expected.export(path, file_type=kind)
    mesh = read(path)
    assert isinstance(mesh, Mesh)
    assert mesh.name == "can"
    _same_triangles(mesh, expected)


@pytest.mark.parametrize("ending", ["glb", "gltf"])
def test_every_part_of_a_scene_is_at_its_place(tmp_path: Path, ending: str) -> None:
    box, ball = trimesh.creation.box(), trimesh.creation.icosphere(subdivisions=1)
    move = trimesh.transformations.translation_matrix([5, 0, 0])
    turn = trimesh.transformations.rotation_matrix(0.7, [0, 0, 1])
    scene = trimesh.Scene()
    scene.add_geometry(box, node_name="box")
    scene.add_geometry(ball, node_name="far", transform=move)
    scene.add_geometry(ball, node_name="turned", parent_node_name="far", transform=turn)
    if ending == "glb":
        scene.export(tmp_path / "scene.glb")
    else:
        for name, data in trimesh.exchange.gltf.export_gltf(scene).items():
            (tmp_path / name.replace("model", "scene")).write_bytes(data)
    mesh = read(tmp_path / f"scene.{ending}")
    assert isinstance(mesh, Mesh)
    assert len(mesh.faces) == len(box.faces) + 2 * len(ball.faces)
    np.testing.assert_allclose(mesh.vertices.amax(0), [6, 1, 1], atol=0.05)
    np.testing.assert_allclose(mesh.vertices.amin(0), [-0.5, -1, -1], atol=0.05)


def test_a_glb_of_points_is_a_cloud(tmp_path: Path) -> None:
    pos = np.random.default_rng(0).normal(size=(30, 3))
    color = np.random.default_rng(1).integers(256, size=(30, 4), dtype=np.uint8)
    trimesh.Scene(trimesh.PointCloud(pos, colors=color)).export(tmp_path / "cloud.glb")
    cloud = read(tmp_path / "cloud.glb")
    assert isinstance(cloud, Cloud)
    assert cloud.color is not None
    np.testing.assert_allclose(cloud.pos.numpy(), pos, atol=1e-6)
    np.testing.assert_array_equal(cloud.color.numpy(), color[:, :3])


def _bytes(kind: str) -> bytes:
    data = trimesh.creation.box().export(file_type=kind)
    return data if isinstance(data, bytes) else data.encode()


def _glb(**changes: object) -> bytes:
    """A box whose JSON chunk has been tampered with."""
    data = _bytes("glb")
    length = int.from_bytes(data[12:16], "little")
    tree = json.loads(data[20 : 20 + length])
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = tree
        for parent in parents:
            place = place[int(parent) if parent.isdecimal() else parent]
        place[last] = value
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    size = (20 + len(text) + len(rest)).to_bytes(4, "little")
    return data[:8] + size + len(text).to_bytes(4, "little") + b"JSON" + text + rest


_TWO_SOLIDS = _bytes("stl_ascii") * 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.stl", b"\xff\xd8\xff\xe0 JFIF", "no STL or truncated: it has no whole header"),
        ("a.stl", _bytes("stl")[:-7], "announces 684 bytes and holds 677"),
        ("a.stl", _bytes("stl")[:50], "no whole header"),
        ("a.stl", _TWO_SOLIDS[: int(len(_TWO_SOLIDS) * 0.8)], "last solid has no 'endsolid'"),
        ("a.stl", _bytes("stl_ascii").replace(b"0.5", b"one", 1), "damaged or renamed"),
        ("a.stl", b"solid nothing\nendsolid nothing\n" + b" " * 80, "no faces and no points"),
        ("a.stl", b"\0" * 84, "no faces and no points"),
        ("a.glb", b"\xff\xd8\xff\xe0 JFIF", "does not start with 'glTF'"),
        ("a.glb", _bytes("glb")[:-20], "truncated: it announces"),
        ("a.glb", _bytes("glb")[:10], "does not start with 'glTF'"),
        ("a.glb", _bytes("glb").replace(b"accessors", b"accessory"), "damaged or renamed"),
        ("a.glb", _glb(meshes=[], nodes=[{"name": "world"}]), "no faces and no points"),
        ("a.gltf", b"{not json", "it is no JSON"),
        ("a.gltf", json.dumps({"asset": {"version": "2.0"}}).encode(), "a.gltf: it"),
        (
            "a.gltf",
            json.dumps(
                {"asset": {"version": "2.0"}, "buffers": [{"uri": "gone.bin", "byteLength": 4}]}
            ).encode(),
            "refers to a file that cannot be read .*gone.bin",
        ),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, name: str, content: bytes, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_compressed_geometry_is_refused_and_not_read_as_zeros(tmp_path: Path) -> None:
    primitive = json.loads(_bytes("glb")[20:].split(b"\0")[0].rsplit(b"}", 1)[0] + b"}")
    accessors = primitive["accessors"]
    for accessor in accessors:
        accessor.pop("bufferView")
    parts = primitive["meshes"][0]["primitives"]
    parts[0]["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {}}}
    (tmp_path / "a.glb").write_bytes(_glb(accessors=accessors, meshes=primitive["meshes"]))
    with pytest.raises(InputError, match=r"KHR_draco_mesh_compression.*save it without"):
        read(tmp_path / "a.glb")
