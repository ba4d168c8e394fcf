"""The chunks of a GLB, the JSON, and the versions of both."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pcea.errors import InputError
from pcea.formats import read


@pytest.fixture
def whole(gltf: Any) -> Any:
    """A square that is shown once."""
    gltf.show(gltf.node(mesh=gltf.mesh()))
    return gltf


def test_the_content_decides_whether_it_is_binary(whole: Any, square: np.ndarray) -> None:
    path = whole.folder / "named.gltf"
    path.write_bytes(whole.glb())
    assert np.array_equal(read(path).vertices.numpy(), square)
    path = whole.folder / "named.glb"
    path.write_text("\n " + whole.gltf())
    assert np.array_equal(read(path).vertices.numpy(), square)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_json_is_read_in_any_encoding_of_unicode(
    whole: Any, square: np.ndarray, encoding: str
) -> None:
    path = whole.folder / "a.gltf"
    path.write_text(whole.gltf(), encoding=encoding)
    assert np.array_equal(read(path).vertices.numpy(), square)


def test_a_byte_order_mark_in_a_glb_does_no_harm(whole: Any, square: np.ndarray) -> None:
    data = whole.glb()
    size = int.from_bytes(data[12:16], "little")
    text = b"\xef\xbb\xbf" + data[20 : 20 + size].rstrip()
    text += b"\0" * (-len(text) % 4)  # not what the format asks for, but written
    path = whole.folder / "a.glb"
    changed = len(text).to_bytes(4, "little") + b"JSON" + text + data[20 + size :]
    path.write_bytes(data[:8] + (12 + len(changed)).to_bytes(4, "little") + changed)
    assert np.array_equal(read(path).vertices.numpy(), square)


def test_padding_unknown_chunks_and_what_follows_are_passed_over(
    whole: Any, square: np.ndarray
) -> None:
    data = whole.glb()
    binary = data[-len(whole.binary) - 8 :]
    front = data[12 : -len(binary)]
    unknown = (4).to_bytes(4, "little") + b"XYZ\0" + b"more"
    longer = (len(whole.binary) + 4).to_bytes(4, "little") + binary[4:] + bytes(4)
    chunks = front + unknown + longer + unknown
    path = whole.folder / "a.glb"
    path.write_bytes(data[:8] + (12 + len(chunks)).to_bytes(4, "little") + chunks + b"trailing")
    assert np.array_equal(read(path).vertices.numpy(), square)


def test_several_buffers_are_told_apart(gltf: Any, tmp_path: Path, square: np.ndarray) -> None:
    gltf.show(gltf.node(mesh=gltf.mesh()))
    gltf.tree["bufferViews"][1] = {"buffer": 1, "byteOffset": 2, "byteLength": 12}
    gltf.tree["buffers"] = [
        {"byteLength": len(gltf.binary)},
        {"byteLength": 14, "uri": "indices.bin"},
    ]
    faces = [[2, 1, 0], [3, 2, 0]]
    (tmp_path / "indices.bin").write_bytes(b"no" + np.array(faces, "<u2").tobytes() + b"more")
    mesh = gltf.read()
    assert np.array_equal(mesh.vertices.numpy(), square)
    assert mesh.faces.tolist() == faces


def test_whole_numbers_may_have_a_decimal_point(whole: Any, square: np.ndarray) -> None:
    text = json.dumps(json.loads(whole.gltf(), parse_int=float))
    assert '"count": 4.0' in text
    path = whole.folder / "a.gltf"
    path.write_text(text)
    assert np.array_equal(read(path).vertices.numpy(), square)


def _jpeg(_: bytes) -> bytes:
    return b"\xff\xd8\xff\xe0 JFIF" + bytes(200)


def _first_chunk_is_binary(data: bytes) -> bytes:
    return data[:16] + b"BIN\0" + data[20:]


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "picture": (_jpeg, "does not start with 'glTF'"),
    "header": (lambda data: data[:10], "truncated: a GLB has at least 20 bytes, not 10"),
    "end": (lambda data: data[:-20], r"truncated or damaged: it announces \d+ bytes, has \d+"),
    "version": (lambda data: data[:4] + b"\1" + data[5:], "GLB of version 1: save it as glTF 2.0"),
    "length": (lambda data: data[:8] + b"\x40\0\0\0" + data[12:], "truncated or damaged"),
    "order": (_first_chunk_is_binary, "truncated or damaged"),
    "json": (lambda data: data[:20] + b"x" + data[21:], "no JSON, as a glTF file is"),
    "utf": (lambda data: data[:22] + b"\xff" + data[23:], "no JSON, as a glTF file is"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_glb_is_refused(
    whole: Any,
    damage: Callable[[bytes], bytes],
    message: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = whole.folder / "a.glb"
    path.write_bytes(damage(whole.glb()))
    with pytest.raises(InputError, match=rf"a\.glb: it.*{message}") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{not json", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "it cannot be read as GL"),
        ("null", "it cannot be read as GL"),
        (
            "{}",
            "it cannot be read as GLTF, it may be .*'asset' is missing or unknown",
        ),
        ('{"asset": 2}', "it cannot be read as GL"),
        ('{"asset": {"version": "1.0"}}', "it is glTF 1.0: save it as glTF 2.0"),
        ('{"asset": {"version": 2.0}}', "it cannot be read as GL"),
        ('{"asset": {"version": "2.1", "minVersion": "2.1"}}', "it is glTF 2.1: save it as"),
        ('{"asset": {"version": "2.0"}}', "it holds no faces and no points"),
        ('{"asset": {"version": "2.0"}, "nodes": 3}', "it cannot be read as GL"),
        ('{"asset": {"version": "2.0"}, "meshes": ["a"]}', "it cannot be read as GL"),
    ],
)
def test_json_that_is_no_shape_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.gltf"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"a\.gltf[:,] {message}"):
        read(path)


def test_bytes_that_are_nowhere_are_missed(whole: Any) -> None:
    whole.tree["buffers"] = [{"byteLength": 60}]
    whole.tree["bufferViews"][0]["byteLength"] = 61
    with pytest.raises(InputError, match="a bufferView needs bytes 0 to 61"):
        whole.read()
    whole.tree["buffers"] = [{"byteLength": 61}]
    with pytest.raises(InputError, match="truncated: buffer 0 needs 61 bytes, has 60"):
        whole.read()
    whole.tree["bufferViews"][0] = {"buffer": 1, "byteLength": 48}
    with pytest.raises(InputError, match="it refers to 1 of its 1 buffers"):
        whole.read()
    whole.tree["buffers"] = [{"byteLength": 60}, {"byteLength": 60}]
    with pytest.raises(InputError, match="buffer 1 has no data"):
        whole.read()


def test_bytes_that_are_only_there_compressed_are_refused(whole: Any) -> None:
    name = "EXT_meshopt_compression"
    packed = {"buffer": 0, "byteLength": 48, "byteStride": 12, "count": 4, "mode": "ATTRIBUTES"}
    whole.tree["bufferViews"][0]["extensions"] = {name: packed}
    assert len(whole.read().vertices) == 4  # the bytes are there uncompressed, too
    whole.tree["bufferViews"][0]["buffer"] = 1
    for extensions in ({}, {name: {"fallback": True}}):
        whole.tree["buffers"] = [
            {"byteLength": len(whole.binary)},
            {"byteLength": 48, "extensions": extensions},
        ]
        with pytest.raises(InputError, match=f"buffer 1 has no data but in {name}"):
            whole.read()
