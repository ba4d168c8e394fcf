from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import trimesh

from pcea.errors import InputError
from pcea.formats import Mesh, read


def _same_triangles(mesh: Mesh, expected: trimesh.Trimesh) -> None:
    np.testing.assert_allclose(
        mesh.vertices[mesh.faces].numpy(), expected.vertices[expected.faces], atol=1e-5
    )


@pytest.mark.parametrize("kind", ["stl", "stl_ascii"])
def test_it_agrees_with_trimesh(tmp_path: Path, kind: str) -> None:
    expected = trimesh.creation.cylinder(radius=1, height=3)
    path = tmp_path / f"can.{kind[:3]}"
    expected.export(path, file_type=kind)
    mesh = read(path)
    assert isinstance(mesh, Mesh)
    assert mesh.name == "can"
    _same_triangles(mesh, expected)


def _bytes(kind: str) -> bytes:
    data = trimesh.creation.box().export(file_type=kind)
    return data if isinstance(data, bytes) else data.encode()


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
