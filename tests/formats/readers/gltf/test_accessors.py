"""Typed numbers: whole and sparse, packed and apart, as they are and normalized."""

from typing import Any

import numpy as np
import pytest

from pcea.errors import InputError


def shown(file: Any, place: int | np.ndarray, **more: Any) -> Any:
    file.show(file.node(mesh=file.mesh(file.primitive(place, **more))))
    return file.read()


@pytest.mark.parametrize("stride", [0, 16])
@pytest.mark.parametrize(
    ("dtype", "normalized", "largest"),
    [
        ("i1", True, 127),
        ("u1", True, 255),
        ("i2", True, 32767),
        ("u2", True, 65535),
        ("u4", True, 4294967295),
        ("i1", False, 1),
        ("u1", False, 1),
        ("i2", False, 1),
        ("u2", False, 1),
        ("u4", False, 1),
        ("f4", False, 1),
        ("f4", True, 1),  # says nothing for real numbers
    ],
)
def test_every_type_of_number_is_read(
    gltf: Any, dtype: str, normalized: bool, largest: int, stride: int
) -> None:
    values = np.array([[0, 0, 0], [100, 0, 0], [100, 50, 0], [0, 50, 7]])
    place = gltf.accessor(values, dtype, stride, normalized=normalized)
    mesh = shown(gltf, place)
    assert np.array_equal(mesh.vertices.numpy(), (values / largest).astype(np.float32))


def test_the_lowest_of_signed_numbers_is_no_less_than_minus_one(gltf: Any) -> None:
    values = [[-128, -127, 127], [0, 0, 0], [0, 127, 0], [64, 0, 0]]
    mesh = shown(gltf, gltf.accessor(values, "i1", normalized=True))
    assert mesh.vertices[0].tolist() == [-1, -1, 1]


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_indices_of_every_type_are_read(gltf: Any, dtype: str, square: np.ndarray) -> None:
    primitive = gltf.primitive(faces=None)
    primitive["indices"] = gltf.accessor([2, 1, 0, 0, 3, 2], dtype)
    gltf.show(gltf.node(mesh=gltf.mesh(primitive)))
    assert gltf.read().faces.tolist() == [[2, 1, 0], [0, 3, 2]]


def test_interleaved_attributes_share_a_view(gltf: Any, square: np.ndarray) -> None:
    normal = np.tile(np.float32([0, 0, 1]), (4, 1))
    table = np.concatenate((square, normal), axis=1).astype("<f4")
    view = gltf.view(b"skip" + table.tobytes(), byteStride=24)
    form = {"bufferView": view, "componentType": 5126, "count": 4, "type": "VEC3"}
    place = gltf.add("accessors", {**form, "byteOffset": 4})
    mesh = shown(gltf, place, NORMAL=gltf.add("accessors", {**form, "byteOffset": 16}))
    assert np.array_equal(mesh.vertices.numpy(), square)
    assert np.array_equal(mesh.normal.numpy(), normal)


def test_what_has_no_data_is_zeros_but_for_what_replaces_them(
    gltf: Any, square: np.ndarray
) -> None:
    form = {"componentType": 5126, "count": 4, "type": "VEC3"}
    mesh = shown(gltf, gltf.sparse([1, 2, 3], square[1:], **form))
    assert np.array_equal(mesh.vertices.numpy(), square)


def test_what_is_sparse_replaces_some_of_the_data(gltf: Any, square: np.ndarray) -> None:
    wrong = square.copy()
    wrong[[0, 3]] = 9
    form = {"componentType": 5126, "count": 4, "type": "VEC3"}
    view = gltf.view(wrong.astype("<f4").tobytes())
    mesh = shown(gltf, gltf.sparse([3, 0], square[[3, 0]], bufferView=view, **form))
    assert np.array_equal(mesh.vertices.numpy(), square)


def test_sparse_numbers_are_normalized_like_the_others(gltf: Any) -> None:
    form = {"componentType": 5121, "count": 4, "type": "VEC3", "normalized": True}
    index = gltf.view(np.array([1, 2], "u1").tobytes())
    values = gltf.view(np.array([[255, 0, 0], [0, 51, 0]], "u1").tobytes())
    sparse = {
        "count": 2,
        "indices": {"bufferView": index, "componentType": 5121},
        "values": {"bufferView": values},
    }
    place = gltf.add("accessors", {**form, "sparse": sparse})
    mesh = shown(gltf, place)
    np.testing.assert_allclose(
        mesh.vertices.numpy(), [[0, 0, 0], [1, 0, 0], [0, 0.2, 0], [0, 0, 0]], atol=1e-7
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "VEC2"},
        {"type": None},
        {"componentType": 5130},
        {"count": 0},
        {"count": -1},
        {"count": 1.5},
        {"count": True},
        {"count": 5},
        {"count": 10**9},
        {"byteOffset": 4},
        {"bufferView": 9},
        {"bufferView": None},
        {"bufferView": {}},
        {"sparse": {"count": 5}},
        {"sparse": {"count": 1}},
        {"sparse": []},
    ],
)
def test_an_accessor_that_makes_no_sense_is_named(gltf: Any, changes: dict[str, Any]) -> None:
    gltf.show(gltf.node(mesh=gltf.mesh()))
    gltf.tree["accessors"][0] |= changes
    with pytest.raises(InputError, match=r"shape\.glb: "):
        gltf.read()


def test_a_sparse_element_beyond_the_last_is_refused(gltf: Any, square: np.ndarray) -> None:
    form = {"componentType": 5126, "count": 4, "type": "VEC3"}
    place = gltf.sparse([1, 4], square[:2], **form)
    with pytest.raises(InputError, match="accessor 0 replaces elements that it does not have"):
        shown(gltf, place)


def test_rows_that_overlap_are_refused(gltf: Any) -> None:
    gltf.show(gltf.node(mesh=gltf.mesh()))
    gltf.tree["bufferViews"][0]["byteStride"] = 8
    with pytest.raises(InputError, match="the elements of a bufferView overlap"):
        gltf.read()


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_indices_are_whole_numbers_from_zero(gltf: Any, dtype: str) -> None:
    primitive = gltf.primitive(faces=None)
    primitive["indices"] = gltf.accessor([0, 1, 2], dtype)
    gltf.show(gltf.node(mesh=gltf.mesh(primitive)))
    with pytest.raises(InputError, match="accessor 1 holds no whole numbers from 0"):
        gltf.read()


@pytest.mark.parametrize("count", [30_000_000, 90_000_000, 2**40, 2**60])
def test_zeros_without_number_are_refused_before_memory_is_taken(gltf: Any, count: int) -> None:
    place = gltf.add("accessors", {"componentType": 5126, "count": count, "type": "VEC3"})
    with pytest.raises(InputError, match="accessor 0 has no data"):
        shown(gltf, place)
