"""Skins: each vertex goes where its joints are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pcea.errors import InputError


def skinned(file: Any, joint: Any, weight: Any, matrices: Any, **node: Any) -> None:
    """A square whose vertices hang on joints that stand at ``matrices``, bound at zero."""
    attributes = {
        "JOINTS_0": file.accessor(joint, "u1"),
        "WEIGHTS_0": file.accessor(weight),
        "NORMAL": file.accessor([[0, 0, 1]] * 4),
    }
    mesh = file.mesh(file.primitive(**attributes))
    joints = [file.node(matrix=np.transpose(m).reshape(-1).tolist()) for m in matrices]
    skin = file.add("skins", {"joints": joints})
    file.show(*joints, file.node(mesh=mesh, skin=skin, **node))


def moved(*by: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = by
    return matrix


def test_vertices_go_with_their_joints_and_not_with_their_node(
    gltf: Any, square: np.ndarray
) -> None:
    first, last = [1, 0, 0, 0], [0, 1, 0, 0]
    joint = [[0, 1, 0, 0]] * 4
    weight = [first, last, [0.5, 0.5, 0, 0], [2, 6, 0, 0]]  # the last is to be divided by 8
    matrices = [moved(0, 0, 0), moved(0, 0, 8)]
    skinned(gltf, joint, weight, matrices, translation=[100, 0, 0])
    mesh = gltf.read()
    expected = square + [[0, 0, 0], [0, 0, 8], [0, 0, 4], [0, 0, 6]]
    assert np.array_equal(mesh.vertices.numpy(), expected)
    assert mesh.normal.tolist() == [[0, 0, 1]] * 4


def test_the_matrices_of_binding_undo_the_joints_of_the_bound_pose(
    gltf: Any, square: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    bound = [moved(1, 2, 3), moved(4, 5, 6)]
    bound[1][:3, :3] = 3 * turn
    joint, weight = [[1, 0, 0, 1]] * 4, rng.random((4, 4))
    skinned(gltf, joint, weight, bound)
    inverse = [np.linalg.inv(matrix).T.reshape(-1) for matrix in bound]
    gltf.tree["skins"][0]["inverseBindMatrices"] = gltf.accessor(inverse)
    np.testing.assert_allclose(gltf.read().vertices.numpy(), square, atol=1e-6)


def test_posing_agrees_with_a_sum_by_hand(gltf: Any, square: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    matrices = [moved(*rng.normal(size=3)) for _ in range(5)]
    for matrix in matrices:
        matrix[:3, :3] += 0.3 * rng.normal(size=(3, 3))
    joint, weight = rng.integers(5, size=(4, 4)), rng.random((4, 4))
    more, share = rng.integers(5, size=(4, 4)), rng.random((4, 4))
    skinned(gltf, joint, weight, matrices)
    attributes = gltf.tree["meshes"][0]["primitives"][0]["attributes"]
    attributes["JOINTS_1"] = gltf.accessor(more, "u2")
    attributes["WEIGHTS_1"] = gltf.accessor((share * 255).round(), "u1", normalized=True)
    inverse = [matrix + 0.1 for matrix in matrices]
    for matrix in inverse:
        matrix[3] = [0, 0, 0, 1]
    bind = gltf.accessor([matrix.T.reshape(-1) for matrix in inverse])
    gltf.tree["skins"][0]["inverseBindMatrices"] = bind

    mesh = gltf.read()
    joint = np.concatenate((joint, more), 1)
    weight = np.concatenate((weight, (share * 255).round() / 255), 1)
    for v in range(4):
        total = np.zeros((4, 4))
        for j, w in zip(joint[v], weight[v], strict=True):
            total += w / weight[v].sum() * matrices[j] @ inverse[j]
        np.testing.assert_allclose(
            mesh.vertices[v].numpy(), (total @ [*square[v], 1])[:3], rtol=1e-4
        )
        normal = np.linalg.inv(total[:3, :3]).T @ [0, 0, 1]
        normal /= np.linalg.norm(normal)
        np.testing.assert_allclose(mesh.normal[v].numpy(), normal, atol=1e-5)


def test_joints_in_a_mirrored_skeleton_leave_faces_outward(
    gltf: Any, box: tuple[np.ndarray, np.ndarray], volume: Callable[[Any], float]
) -> None:
    pos, faces = box
    attributes = {
        "JOINTS_0": gltf.accessor([[0, 0, 0, 0]] * 8, "u1"),
        "WEIGHTS_0": gltf.accessor([[1, 0, 0, 0]] * 8),
    }
    mesh = gltf.mesh(gltf.primitive(pos, faces, **attributes))
    joint = gltf.node(scale=[1, -1, 1])
    skin = gltf.add("skins", {"joints": [joint]})
    gltf.show(joint, gltf.node(mesh=mesh, skin=skin))
    found = gltf.read()
    assert np.array_equal(found.vertices.numpy(), pos * [1, -1, 1])
    assert volume(found) == pytest.approx(6)


def test_what_no_joint_moves_goes_with_its_first(gltf: Any, square: np.ndarray) -> None:
    weight = [[0, 0, 0, 0], *[[1, 0, 0, 0]] * 3]
    joint = [[0, 77, 77, 77]] * 4  # without a weight, any number may stand there
    skinned(gltf, joint, weight, [moved(0, 0, 2)])
    assert np.array_equal(gltf.read().vertices.numpy(), square + [0, 0, 2])


def test_a_morph_comes_before_the_pose(gltf: Any, square: np.ndarray) -> None:
    skinned(gltf, [[0, 0, 0, 0]] * 4, [[1, 0, 0, 0]] * 4, [np.diag([2.0, 2, 2, 1])])
    primitive = gltf.tree["meshes"][0]["primitives"][0]
    primitive["targets"] = [{"POSITION": gltf.accessor([[0, 0, 1]] * 4)}]
    gltf.tree["meshes"][0]["weights"] = [1]
    assert np.array_equal(gltf.read().vertices.numpy(), 2 * (square + [0, 0, 1]))


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["skins"][0].update(joints=[]),
        lambda t: t["skins"][0].update(joints=[9]),
        lambda t: t["skins"][0].update(joints=[0]),
        lambda t: t["skins"][0].update(inverseBindMatrices=0),
        lambda t: t["nodes"][2].update(skin=1),
        lambda t: t["nodes"][2].update(skin=[1]),
        lambda t: t["meshes"][0]["primitives"][0]["attributes"].pop("WEIGHTS_0"),
    ],
)
def test_a_pose_that_cannot_be_taken_is_refused(gltf: Any, change: Callable[[Any], object]) -> None:
    skinned(gltf, [[1, 0, 0, 0]] * 4, [[1, 0, 0, 0]] * 4, [moved(0, 0, 0), moved(1, 0, 0)])
    change(gltf.tree)
    with pytest.raises(InputError, match=r"shape\.glb: "):
        gltf.read()


def test_too_few_matrices_of_binding_are_refused(gltf: Any) -> None:
    skinned(gltf, [[0, 0, 0, 0]] * 4, [[1, 0, 0, 0]] * 4, [moved(0, 0, 0), moved(1, 0, 0)])
    bind = gltf.accessor(np.eye(4).reshape(1, 16))
    gltf.tree["skins"][0]["inverseBindMatrices"] = bind
    with pytest.raises(InputError, match="a skin of 2 joints has 1 bind matrices"):
        gltf.read()
