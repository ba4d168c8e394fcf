"""Whole files, against trimesh where trimesh is right, and damaged at random."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh, read
from pcea.formats.colors import to_screen


def test_it_agrees_with_trimesh(tmp_path: Path) -> None:
    expected = trimesh.creation.cylinder(radius=1, height=3)
    expected.export(tmp_path / "can.glb", include_normals=True)
    mesh = read(tmp_path / "can.glb")
    assert isinstance(mesh, Mesh) and mesh.normal is not None
    assert mesh.name == "can"
    np.testing.assert_allclose(mesh.vertices.numpy(), expected.vertices, atol=1e-6)
    assert np.array_equal(mesh.faces.numpy(), expected.faces)
    np.testing.assert_allclose(mesh.normal.numpy(), expected.vertex_normals, atol=1e-6)


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
    expected = np.sort(scene.to_mesh().triangles.reshape(-1, 9), axis=0)
    found = np.sort(mesh.vertices[mesh.faces].reshape(-1, 9).numpy(), axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_glb_of_points_is_a_cloud(tmp_path: Path) -> None:
    pos = np.random.default_rng(0).normal(size=(30, 3))
    light = np.random.default_rng(1).integers(256, size=(30, 4), dtype=np.uint8)
    trimesh.Scene(trimesh.PointCloud(pos, colors=light)).export(tmp_path / "cloud.glb")
    cloud = read(tmp_path / "cloud.glb")
    assert isinstance(cloud, Cloud)
    assert cloud.color is not None
    np.testing.assert_allclose(cloud.pos.numpy(), pos, atol=1e-6)
    np.testing.assert_array_equal(cloud.color.numpy(), to_screen(light[:, :3] / 255))


def _everything(file: Any) -> Any:
    """A file that uses whatever is read, so that damage can be anywhere."""
    form = {"componentType": 5126, "count": 4, "type": "VEC3"}
    primitive = file.primitive(
        NORMAL=file.accessor([[0, 0, 127]] * 4, "i1", 4, normalized=True),
        COLOR_0=file.accessor([[9, 99, 255]] * 4, "u1", 4, normalized=True),
        targets=[{"POSITION": file.sparse([1, 2], [[0, 0, 1], [0, 1, 0]], **form)}],
        JOINTS_0=file.accessor([[0, 1, 0, 0]] * 4, "u1"),
        WEIGHTS_0=file.accessor([[0.25, 0.75, 0, 0]] * 4),
    )
    mesh = file.mesh(
        *(primitive, file.primitive(faces=[0, 1, 2, 3], mode=5)),
        file.primitive(faces=[0, 1, 2, 3], mode=6),
        weights=[0.5],
    )
    bones = [file.node(translation=[1, 2, 3]), file.node(rotation=[0, 0, 0.6, 0.8])]
    bind = file.accessor([np.eye(4).reshape(-1)] * 2)
    file.add("skins", {"joints": bones, "inverseBindMatrices": bind})
    copies = {"TRANSLATION": file.accessor([[0, 0, 0], [5, 0, 0]])}
    posed = file.mesh(primitive)
    file.show(
        file.node(mesh=posed, skin=0, children=bones),
        file.node(
            mesh=mesh,
            scale=[-1, 1, 1],
            extensions={"EXT_mesh_gpu_instancing": {"attributes": copies}},
        ),
    )
    return file


def _end(path: Path) -> str:
    """Read a damaged file: it is read, or refused in one line that names it."""
    try:
        read(path)
        said = ""
    except InputError as error:
        said = str(error)
        assert said.startswith(str(path)) and "\n" not in said and len(said) < 500
    return said


def test_a_file_that_ends_early_is_refused_wherever_it_ends(gltf: Any) -> None:
    data = _everything(gltf).glb()
    path = gltf.folder / "cut.glb"
    path.write_bytes(data)
    assert not _end(path)
    for size in range(1, len(data), 7):
        path.write_bytes(data[:size])
        assert "cut.glb: it " in _end(path)


def test_a_file_whose_end_is_missing_and_whose_length_says_so_is_refused(gltf: Any) -> None:
    data = _everything(gltf).glb()
    path = gltf.folder / "cut.glb"
    for size in range(20, len(data), 11):
        path.write_bytes(data[:8] + size.to_bytes(4, "little") + data[12:size])
        assert _end(path)


def test_flipped_bytes_are_read_or_refused(gltf: Any) -> None:
    data = np.frombuffer(_everything(gltf).glb(), np.uint8)
    path = gltf.folder / "flipped.glb"
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        wrong = data.copy()
        where = rng.integers(len(wrong), size=rng.integers(1, 5))
        wrong[where] = rng.integers(256, size=len(where))
        path.write_bytes(wrong.tobytes())
        refused += bool(_end(path))
    assert refused > 50


def test_other_numbers_and_words_are_read_or_refused(gltf: Any) -> None:
    text = _everything(gltf).gltf()
    path = gltf.folder / "wrong.gltf"
    rng = np.random.default_rng(0)
    places = [i for i, letter in enumerate(text) if letter.isdigit() and text[i - 1] in " [:"]
    wrong = ("-1", "7", "99999999999", "1e400", "0.5", "null", '"a"', "[]", "{}", "true", "NaN")
    refused = 0
    for _ in range(500):
        place = int(rng.choice(places))
        end = place
        while text[end].isdigit() or text[end] in ".e-":
            end += 1
        path.write_text(text[:place] + str(rng.choice(wrong)) + text[end:])
        refused += bool(_end(path))
    assert refused > 200
