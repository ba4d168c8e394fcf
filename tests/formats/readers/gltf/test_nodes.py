"""Where meshes stand: nodes in nodes, matrices, instances, mirrors, scenes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pcea.errors import InputError

Box = tuple[np.ndarray, np.ndarray]
HALF = 0.5**0.5


def corners(file: Any) -> np.ndarray:
    return file.read().file_pos.double().numpy()


def test_scale_comes_first_then_the_turn_then_the_move(gltf: Any, square: np.ndarray) -> None:
    # A quarter turn about z takes x to y and y to −x.
    quarter = [0, 0, HALF, HALF]
    gltf.show(gltf.node(mesh=gltf.mesh(), scale=[2, 3, 4], rotation=quarter, translation=[5, 6, 7]))
    x, y, z = (square * [2, 3, 4]).T
    np.testing.assert_allclose(corners(gltf), np.stack((5 - y, 6 + x, 7 + z), 1), atol=1e-6)


def test_turns_agree_with_scipy(gltf: Any) -> None:
    rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    rng = np.random.default_rng(0)
    pos = rng.normal(size=(30, 3)).astype(np.float32)
    mesh = gltf.mesh(gltf.primitive(pos, np.arange(30)))
    turns = rng.normal(size=(7, 4))
    gltf.show(*(gltf.node(mesh=mesh, rotation=turn.tolist()) for turn in turns))
    expected = np.concatenate([rotation.from_quat(turn).apply(pos) for turn in turns])
    np.testing.assert_allclose(corners(gltf), expected, atol=1e-6)


def test_matrices_are_written_by_columns_and_multiplied_down_the_tree(
    gltf: Any, square: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    inner, outer = np.eye(4), np.eye(4)
    inner[:3], outer[:3] = rng.normal(size=(2, 3, 4))
    mesh = gltf.mesh()
    low = gltf.node(mesh=mesh, matrix=inner.T.reshape(-1).tolist())
    middle = gltf.node(children=[low], translation=[1, 2, 3])
    gltf.show(gltf.node(children=[middle], matrix=outer.T.reshape(-1).tolist()))
    ones = np.ones((4, 1))
    moved = np.concatenate((square, ones), 1) @ inner.T + [1, 2, 3, 0]
    np.testing.assert_allclose(corners(gltf), (moved @ outer.T)[:, :3], atol=1e-5)


def test_map_coordinates_of_a_node_keep_their_digits(gltf: Any, square: np.ndarray) -> None:
    place = [431_234.125, 5_412_345.0625, 210.5]
    gltf.show(gltf.node(children=[gltf.node(mesh=gltf.mesh())], translation=place))
    mesh = gltf.read()
    assert mesh.offset.any()
    assert np.array_equal(mesh.file_pos.numpy(), square.astype(float) + place)


def test_a_mesh_comes_as_often_as_it_is_shown(gltf: Any, square: np.ndarray) -> None:
    mesh = gltf.mesh()
    places = [gltf.node(mesh=mesh, translation=[10 * i, 0, 0]) for i in range(5)]
    gltf.node(mesh=mesh, translation=[99, 0, 0])  # in no scene
    gltf.show(gltf.node(children=places[:2]), *places[2:])
    expected = np.concatenate([square + [10 * i, 0, 0] for i in range(5)])
    assert np.array_equal(corners(gltf), expected)


def test_only_the_default_scene_is_read(gltf: Any, square: np.ndarray) -> None:
    mesh = gltf.mesh()
    first, last = (gltf.node(mesh=mesh, translation=[x, 0, 0]) for x in (0, 7))
    gltf.show(first)
    gltf.show(last)
    found = gltf.read()
    assert np.array_equal(found.vertices.numpy(), square + [7, 0, 0])
    assert found.notes == ("of its 2 scenes, only the one that is shown by default was read",)
    del gltf.tree["scene"]
    assert np.array_equal(corners(gltf), square)


def test_without_a_scene_all_nodes_are_read(gltf: Any, square: np.ndarray) -> None:
    mesh = gltf.mesh()
    low = gltf.node(mesh=mesh, translation=[1, 0, 0])
    gltf.node(children=[low], translation=[5, 0, 0])
    gltf.node(mesh=mesh)
    assert np.array_equal(corners(gltf), np.concatenate((square + [6, 0, 0], square)))


def test_without_nodes_all_meshes_are_read_once(gltf: Any, square: np.ndarray) -> None:
    gltf.mesh()
    gltf.mesh(gltf.primitive(square + 9))
    assert np.array_equal(corners(gltf), np.concatenate((square, square + 9)))


def test_hidden_nodes_are_not_read(gltf: Any, square: np.ndarray) -> None:
    mesh = gltf.mesh()
    hidden = {"extensions": {"KHR_node_visibility": {"visible": False}}}
    low = gltf.node(mesh=mesh, translation=[1, 0, 0])
    gltf.show(gltf.node(mesh=mesh), gltf.node(children=[low], **hidden))
    assert np.array_equal(corners(gltf), square)


@pytest.mark.parametrize("way", ["scale", "matrix", "above", "instance", "twice"])
def test_faces_of_a_mirrored_box_point_outward(
    gltf: Any, box: Box, volume: Callable[[Any], float], way: str
) -> None:
    pos, faces = box
    outward = (pos - pos.mean(0)) * [1, 2, 3]
    mesh = gltf.mesh(gltf.primitive(pos, faces, NORMAL=gltf.accessor(outward)))
    mirror = [-1, 2, 1]
    if way == "scale":
        gltf.show(gltf.node(mesh=mesh, scale=mirror))
    elif way == "matrix":
        columns = np.diag([*mirror, 1]).astype(float).reshape(-1).tolist()
        gltf.show(gltf.node(mesh=mesh, matrix=columns))
    elif way == "above":
        gltf.show(gltf.node(children=[gltf.node(mesh=mesh)], scale=mirror))
    elif way == "instance":
        copies = {"SCALE": gltf.accessor([mirror, [1, 2, 1]])}
        extension = {"EXT_mesh_gpu_instancing": {"attributes": copies}}
        gltf.show(gltf.node(mesh=mesh, extensions=extension))
    else:
        low = gltf.node(mesh=mesh, scale=[1, -1, 1])
        gltf.show(gltf.node(children=[low], scale=[1, -2, 1]))
    found = gltf.read()
    copies = 2 if way == "instance" else 1
    assert volume(found) == pytest.approx(12 * copies)
    # Normals go by the inverse transpose: twice as tall, their y is half as large.
    x = -1 if way in ("scale", "matrix", "above", "instance") else 1
    expected = torch.nn.functional.normalize(torch.tensor(outward * [x, 0.5, 1]), dim=1)
    assert torch.allclose(found.normal[:8], expected.float(), atol=1e-6)


def test_a_flat_scale_leaves_no_normal_and_no_error(gltf: Any) -> None:
    mesh = gltf.mesh(gltf.primitive(NORMAL=gltf.accessor([[0, 0, 1]] * 4)))
    gltf.show(gltf.node(mesh=mesh, scale=[1, 1, 0]), gltf.node(mesh=mesh, scale=[0, 0, 0]))
    normal = gltf.read().normal
    assert normal[:4].tolist() == [[0, 0, 1]] * 4  # what is flat in z still faces z
    assert normal[4:].tolist() == [[0, 0, 0]] * 4


def test_instances_move_turn_and_scale(gltf: Any, square: np.ndarray) -> None:
    attributes = {
        "TRANSLATION": gltf.accessor([[1, 0, 0], [0, 0, 5]]),
        "ROTATION": gltf.accessor([[0, 0, 0, 127], [0, 0, 90, 90]], "i1", normalized=True),
        "SCALE": gltf.accessor([[1, 1, 1], [2, 2, 2]]),
        "_ID": 99,
    }
    extension = {"EXT_mesh_gpu_instancing": {"attributes": attributes}}
    light = gltf.accessor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
    mesh = gltf.mesh(gltf.primitive(COLOR_0=light))
    gltf.show(gltf.node(mesh=mesh, translation=[0, 100, 0], extensions=extension))
    found = gltf.read()
    x, y, z = 2 * square.T
    second = np.stack((-y, x + 100, z + 5), 1)
    expected = np.concatenate((square + [1, 100, 0], second))
    np.testing.assert_allclose(found.file_pos.numpy(), expected, atol=1e-5)
    assert found.faces.tolist() == [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]
    assert found.color[:4].equal(found.color[4:])


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["nodes"][1].update(children=[0]),
        lambda t: t["nodes"][1].update(children=[1]),
        lambda t: t["nodes"][0].update(children=[1, 1]),
        lambda t: t["nodes"].append({"children": [1]}),
        lambda t: t["nodes"][0].update(children=[7]),
        lambda t: t["nodes"][1].update(mesh=4),
        lambda t: t["nodes"][1].update(mesh="a"),
        lambda t: t["nodes"][0].update(matrix=[1] * 15),
        lambda t: t["nodes"][0].update(scale=[1, 1, None]),
        lambda t: t["nodes"][0].update(scale=[1, 1, 1e999]),
        lambda t: t["nodes"][0].update(scale=[1, 1, 10**400]),
        lambda t: t["nodes"][0].update(rotation=3),
        lambda t: t.update(scene=3),
        lambda t: t["scenes"][0].update(nodes=[5]),
        lambda t: t["scenes"][0].update(nodes=[]),
        lambda t: t["nodes"][1].update(extensions={"EXT_mesh_gpu_instancing": {"a": 1}}),
    ],
)
def test_a_tree_that_makes_no_sense_is_refused(gltf: Any, change: Callable[[Any], object]) -> None:
    low = {"mesh": gltf.mesh()}
    gltf.tree["nodes"] = [{"children": [1]}, low]
    gltf.show(0)
    change(gltf.tree)
    with pytest.raises(InputError, match=r"shape\.glb: "):
        gltf.read()


def test_instances_of_different_counts_are_refused(gltf: Any) -> None:
    attributes = {
        "TRANSLATION": gltf.accessor([[0, 0, 0]] * 3),
        "SCALE": gltf.accessor([[1, 1, 1]] * 2),
    }
    extension = {"EXT_mesh_gpu_instancing": {"attributes": attributes}}
    gltf.show(gltf.node(mesh=gltf.mesh(), extensions=extension))
    with pytest.raises(InputError, match="differ in their counts"):
        gltf.read()


def test_no_tree_is_too_deep(gltf: Any, square: np.ndarray) -> None:
    mesh = gltf.mesh()
    chain = [{"children": [i + 1], "translation": [1, 0, 0]} for i in range(5000)]
    gltf.tree["nodes"] = [*chain, {"mesh": mesh}]
    gltf.show(0)
    assert np.array_equal(corners(gltf), square + [5000, 0, 0])


def test_copies_without_end_are_refused_before_memory_is_taken(gltf: Any) -> None:
    many = gltf.accessor(np.zeros((30_000, 3)), "i1", normalized=True)
    extension = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": many}}}
    mesh = gltf.mesh(gltf.primitive(np.zeros((9_999, 3)), None))
    gltf.show(gltf.node(mesh=mesh, extensions=extension))
    with pytest.raises(InputError, match="its scene shows more than 200,000,000 vertices"):
        gltf.read()
    del gltf.tree["accessors"][many]["bufferView"]
    gltf.tree["accessors"][many]["count"] = 10**8
    with pytest.raises(InputError, match="accessor 0 has no data"):
        gltf.read()
