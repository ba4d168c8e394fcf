"""Triangles, strips, fans and points, with what each vertex has."""

from typing import Any

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.formats.colors import to_linear

UP = [[0, 0, 1]] * 4


def show(file: Any, *primitives: dict[str, Any], **mesh: Any) -> None:
    file.show(file.node(mesh=file.mesh(*primitives, **mesh)))


def edges(faces: np.ndarray) -> set[tuple[int, int]]:
    return {(int(f[i]), int(f[(i + 1) % 3])) for f in faces for i in range(3)}


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize(
    ("mode", "order", "expected"),
    [
        (4, [0, 1, 2, 3, 4, 5], [[0, 1, 2], [3, 4, 5]]),
        (5, [0, 1, 2, 3, 4, 5], [[0, 1, 2], [1, 3, 2], [2, 3, 4], [3, 5, 4]]),
        (6, [0, 1, 2, 3, 4, 5], [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5]]),
    ],
)
def test_each_mode_has_its_triangles(
    gltf: Any, mode: int, order: list[int], expected: list[list[int]], indexed: bool
) -> None:
    pos = np.random.default_rng(0).normal(size=(6, 3))
    show(gltf, gltf.primitive(pos, faces=order if indexed else None, mode=mode))
    found = gltf.read().faces.numpy()
    turned = [
        np.roll(face, -list(face).index(want[0]))
        for face, want in zip(found, expected, strict=True)
    ]
    assert [face.tolist() for face in turned] == expected


def test_a_strip_faces_one_way_throughout(gltf: Any) -> None:
    pos = np.array([[i // 2, i % 2, 0] for i in range(10)])
    show(gltf, gltf.primitive(pos, faces=None, mode=5))
    mesh = gltf.read()
    a, b, c = mesh.vertices[mesh.faces].unbind(1)
    cross = (b - a).cross(c - a, dim=1)
    assert (cross[:, 2] == -1).all() and len(cross) == 8


def test_triangles_that_only_join_strips_are_left_out(gltf: Any) -> None:
    pos = np.array([[i // 2, i % 2, i // 4] for i in range(8)])
    show(gltf, gltf.primitive(pos, faces=[0, 1, 2, 3, 3, 4, 4, 5, 6, 7], mode=5))
    faces = gltf.read().faces.numpy()
    assert len(faces) == 4
    assert edges(faces) >= {(0, 1), (1, 2), (4, 5), (5, 6)}


def test_primitives_of_the_same_vertices_have_them_once(gltf: Any, square: np.ndarray) -> None:
    place = gltf.accessor(square)
    show(
        gltf,
        gltf.primitive(place, [[0, 1, 2]], material=0),
        gltf.primitive([[5, 5, 5], [6, 5, 5], [6, 6, 5]], [[0, 1, 2]]),
        gltf.primitive(place, [[0, 2, 3]], material=1),
    )
    mesh = gltf.read()
    assert len(mesh.vertices) == 7
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [4, 5, 6]]


def test_points_are_a_cloud(gltf: Any) -> None:
    pos = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    show(gltf, gltf.primitive(pos, None, mode=0), gltf.primitive(pos + 9, [3, 1], mode=0))
    cloud = gltf.read()
    assert isinstance(cloud, Cloud)
    assert np.array_equal(cloud.pos.numpy(), np.concatenate((pos, pos[[3, 1]] + 9)))


def test_faces_win_over_points_and_lines(gltf: Any, square: np.ndarray) -> None:
    show(
        gltf,
        gltf.primitive(square + 5, None, mode=0),
        gltf.primitive(),
        gltf.primitive(square, None, mode=1),
        gltf.primitive(square, None, mode=3),
    )
    mesh = gltf.read()
    assert isinstance(mesh, Mesh)
    assert np.array_equal(mesh.vertices.numpy(), square)
    assert mesh.notes == (
        "2 of its primitives are lines, which were left out",
        "4 points beside its faces were left out",
    )


def test_lines_alone_are_no_shape(gltf: Any) -> None:
    show(gltf, gltf.primitive(mode=2))
    with pytest.raises(InputError, match="it holds no faces and no points, only lines"):
        gltf.read()


def test_normals_and_colors_of_the_vertices_are_kept(gltf: Any) -> None:
    color = np.array([[10, 20, 30], [0, 0, 0], [255, 255, 255], [128, 1, 254]], np.uint8)
    light = to_linear(color)
    show(gltf, gltf.primitive(NORMAL=gltf.accessor(UP), COLOR_0=gltf.accessor(light)))
    mesh = gltf.read()
    assert mesh.normal.tolist() == UP
    assert np.array_equal(mesh.color.numpy(), color)


@pytest.mark.parametrize("normalized", [True, None])
@pytest.mark.parametrize("width", [3, 4])
@pytest.mark.parametrize(("dtype", "largest"), [("u1", 255), ("u2", 65535), ("f4", 1)])
def test_colors_are_linear_light_of_any_type(
    gltf: Any, dtype: str, largest: int, width: int, normalized: bool | None
) -> None:
    # Half the light of white is 188 of 255 on the screen, and a fifth is 124.
    light = np.array([[0, 1, 0.5, 0.3]] * 3 + [[0.2, 0.5, 0, 0.9]])[:, :width]
    stored = light if dtype == "f4" else (light * largest).round()
    more = {} if normalized is None else {"normalized": normalized}
    show(gltf, gltf.primitive(COLOR_0=gltf.accessor(stored, dtype, 16, **more)))
    color = gltf.read().color.int().numpy()
    assert np.abs(color - np.array([[0, 255, 188]] * 3 + [[124, 188, 0]])).max() <= (dtype == "u1")


def test_lights_that_cannot_be_shown_are_cut(gltf: Any) -> None:
    light = [[-1, 2, np.nan], [np.inf, 0, 0], [0, 0, 0], [0, 0, 0]]
    show(gltf, gltf.primitive(COLOR_0=gltf.accessor(light)))
    assert gltf.read().color[:2].tolist() == [[0, 255, 0], [255, 0, 0]]


def test_what_only_some_parts_have(gltf: Any, square: np.ndarray) -> None:
    dark = gltf.accessor(np.zeros((4, 3)))
    show(
        gltf,
        gltf.primitive(NORMAL=gltf.accessor(UP)),
        gltf.primitive(square + 5, COLOR_0=dark),
        gltf.primitive(square + 9, None, mode=0),
    )
    mesh = gltf.read()
    assert mesh.normal.tolist() == UP + [[0, 0, 0]] * 4  # zero is "unknown"
    assert mesh.color is None
    assert mesh.notes == (
        "4 points beside its faces were left out",
        "only 1 of its 2 parts have vertex colors, which were left out",
    )


def test_colors_of_a_material_are_no_colors_of_vertices(gltf: Any) -> None:
    gltf.tree["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1]}}]
    show(gltf, gltf.primitive(material=0))
    assert gltf.read().color is None


def test_default_weights_morph_positions_normals_and_colors(gltf: Any, square: np.ndarray) -> None:
    form = {"componentType": 5126, "count": 4, "type": "VEC3"}
    first = {
        "POSITION": gltf.sparse([2], [[0, 0, 8]], **form),
        "NORMAL": gltf.accessor([[2, 0, -2]] * 4),
        "COLOR_0": gltf.accessor([[0, 2, 0]] * 4),
    }
    broken = {"POSITION": gltf.add("accessors", {"bufferView": 99})}  # its weight is 0
    last = {"POSITION": gltf.accessor([[1, 0, 0]] * 4)}
    primitive = gltf.primitive(
        NORMAL=gltf.accessor(UP),
        COLOR_0=gltf.accessor([[1, 0, 0]] * 4),
        targets=[first, broken, last],
    )
    mesh = gltf.mesh(primitive, weights=[0.5, 0, -1])
    gltf.show(gltf.node(mesh=mesh), gltf.node(mesh=mesh, weights=[0, 0, 2]))
    found = gltf.read()
    expected = square + [-1, 0, 0]
    expected[2, 2] = 4
    assert np.array_equal(found.vertices[:4].numpy(), expected)
    assert np.array_equal(found.vertices[4:].numpy(), square + [2, 0, 0])
    assert found.normal[:4].tolist() == [[1, 0, 0]] * 4  # 0.5 of (2, 0, −2), added
    assert found.normal[4:].tolist() == UP
    assert found.color.tolist() == [[255, 255, 0]] * 4 + [[255, 0, 0]] * 4


def test_without_weights_nothing_is_morphed(gltf: Any, square: np.ndarray) -> None:
    show(gltf, gltf.primitive(targets=[{"POSITION": gltf.accessor([[9, 9, 9]] * 4)}]))
    assert np.array_equal(gltf.read().vertices.numpy(), square)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: {"mode": 7},
        lambda file: {"indices": 99},
        lambda file: {"indices": file.accessor([0, 1, 2, 3], "u2")},
        lambda file: {"indices": file.accessor([0, 1], "u2"), "mode": 6},
        lambda file: {"indices": file.accessor([0, 1, 4], "u2")},
        lambda file: {"attributes": {"POSITION": 0, "NORMAL": file.accessor(UP[:3])}},
        lambda file: {"attributes": {"POSITION": 0, "COLOR_0": file.accessor([1, 2, 3, 4])}},
        lambda file: {"targets": [5]},
        lambda file: {"targets": [{"POSITION": file.accessor(UP[:3])}]},
        lambda file: {"attributes": None},
    ],
)
def test_a_primitive_that_makes_no_sense_is_named(gltf: Any, change: Any) -> None:
    primitive = gltf.primitive()
    primitive |= change(gltf)
    show(gltf, primitive, weights=[1.0])
    with pytest.raises(InputError, match=r"shape\.glb: "):
        gltf.read()


def test_weights_that_are_no_numbers_are_refused(gltf: Any) -> None:
    show(gltf, gltf.primitive(), weights=["much"])
    with pytest.raises(InputError, match="it cannot be read as GL"):
        gltf.read()


def test_a_primitive_without_positions_is_refused(gltf: Any) -> None:
    bare = {"attributes": {"NORMAL": gltf.accessor(UP)}}
    show(gltf, gltf.primitive(), bare)
    with pytest.raises(InputError, match="a primitive has no positions"):
        gltf.read()
    bare["extensions"] = {"EXT_packed": {}}
    with pytest.raises(InputError, match="no positions but in EXT_packed, which cannot be read"):
        gltf.read()


@pytest.mark.parametrize("name", ["KHR_draco_mesh_compression", "ACME_octree"])
def test_what_is_there_uncompressed_too_is_read(gltf: Any, square: np.ndarray, name: str) -> None:
    show(gltf, gltf.primitive(extensions={name: {"bufferView": 0, "attributes": {}}}))
    assert np.array_equal(gltf.read().vertices.numpy(), square)


@pytest.mark.parametrize("missing", ["POSITION", "NORMAL", "indices"])
def test_no_attribute_that_is_only_there_compressed_is_read_as_zeros(
    gltf: Any, missing: str
) -> None:
    primitive = gltf.primitive(NORMAL=gltf.accessor(UP))
    number = primitive["indices"] if missing == "indices" else primitive["attributes"][missing]
    del gltf.tree["accessors"][number]["bufferView"]
    primitive["extensions"] = {"ACME_octree": {}}
    show(gltf, primitive)
    with pytest.raises(InputError, match="has no data but in ACME_octree, which"):
        gltf.read()


@pytest.mark.parametrize(
    "name",
    [
        "KHR_mesh_quantization",
        "EXT_mesh_gpu_instancing",
        "KHR_materials_unlit",
        "KHR_materials_variants",
        "KHR_texture_transform",
        "KHR_texture_basisu",
        "EXT_texture_webp",
        "KHR_lights_punctual",
        "KHR_animation_pointer",
        "KHR_xmp",
        "KHR_xmp_json_ld",
        "MSFT_texture_dds",
    ],
)
def test_required_extensions_that_leave_the_shape_alone_are_fine(gltf: Any, name: str) -> None:
    show(gltf, gltf.primitive())
    gltf.tree["extensionsRequired"] = [name]
    assert len(gltf.read().faces) == 2


@pytest.mark.parametrize("name", ["ACME_octree", "KHR_mesh", "CESIUM_RTC", "KHR_techniques_webgl"])
def test_other_required_extensions_are_refused_by_name(gltf: Any, name: str) -> None:
    show(gltf, gltf.primitive())
    gltf.tree["extensionsRequired"] = ["KHR_mesh_quantization", name]
    with pytest.raises(InputError, match=f"it requires {name}, which cannot be read: save it wit"):
        gltf.read()
