from pathlib import Path

import numpy as np
import pytest
import trimesh

from pcea.errors import InputError
from pcea.formats import Mesh, read


def _bytes(kind: str) -> bytes:
    data = trimesh.creation.box().export(file_type=kind)
    return data if isinstance(data, bytes) else data.encode()


_BINARY, _TEXT = _bytes("stl"), _bytes("stl_ascii")
_FACET = (
    "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
)


def _write(folder: Path, content: bytes | str) -> Path:
    path = folder / "shape.stl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("kind", ["stl", "stl_ascii"])
def test_it_agrees_with_trimesh(tmp_path: Path, kind: str) -> None:
    expected = trimesh.creation.cylinder(radius=1, height=3)
    expected.export(tmp_path / "can.stl", file_type=kind)
    mesh = read(tmp_path / "can.stl")
    assert isinstance(mesh, Mesh)
    assert mesh.name == "can"
    np.testing.assert_allclose(
        mesh.vertices[mesh.faces].numpy(), expected.vertices[expected.faces], atol=1e-5
    )


@pytest.mark.parametrize(
    ("content", "facets"),
    [
        (b"solid like a text".ljust(80) + _BINARY[80:], 12),
        (b"solid facet vertex".ljust(80, b"\0") + _BINARY[80:], 12),
        (b"COLOR=\xff\0\0\xff".ljust(80) + _BINARY[80:], 12),
        (f"solid a\n{_FACET}endsolid a\nsolid b\n{_FACET}endsolid b\n", 2),
        (f"SOLID vertex of a facet\n{_FACET.upper()}ENDSOLID vertex\n", 1),
        (f"\ufeff\n  solid\n{_FACET}end solid\n".replace("\n", "\r\n"), 1),
        (f"solid a\n{_FACET}endsolid a\n".replace("\n", "\r"), 1),
        (f"solid a\n{_FACET}endsolid a\n".replace("\n", " "), 1),
        (f"solid a\n{_FACET.replace('0 1 0', '0 1.0E+00 -0e-3 more')}endsolid a", 1),
        (f"solid a\ncolor 1 0 0\n{_FACET.replace('outer', 'color 1 2 3' + chr(10))}endsolid", 1),
    ],
)
def test_every_way_to_write_facets_reads(tmp_path: Path, content: bytes | str, facets: int) -> None:
    mesh = read(_write(tmp_path, content))
    assert isinstance(mesh, Mesh)
    assert mesh.faces.tolist() == np.arange(3 * facets).reshape(-1, 3).tolist()
    assert mesh.notes == ()
    if facets < 12:
        assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]] * facets


@pytest.mark.parametrize(
    ("content", "facets", "note"),
    [
        (_BINARY + b"more", 12, "4 bytes after its 12 facets were left out"),
        (_BINARY[:80] + bytes(4) + _BINARY[84:], 12, "counts no facets; the 12 in the file"),
        (f"solid a\n{_FACET}", 1, "without 'endsolid'.*1 whole facets"),
        (f"solid a\n{_FACET}{_FACET[:50]}", 1, "1 whole facets"),
        (f"solid a\n{_FACET}{_FACET[:-10]}", 1, "1 whole facets"),
        (f"solid a\n{_FACET}endsolid a\nsolid b\n{_FACET}{_FACET[:9]}", 2, "2 whole facets"),
    ],
)
def test_what_is_left_out_is_said(
    tmp_path: Path, content: bytes | str, facets: int, note: str
) -> None:
    mesh = read(_write(tmp_path, content))
    assert isinstance(mesh, Mesh)
    assert len(mesh.faces) == facets
    with pytest.raises(InputError, match=note):
        raise InputError(*mesh.notes)


def test_text_that_is_filled_up_with_zeros_reads(tmp_path: Path) -> None:
    mesh = read(_write(tmp_path, _TEXT + bytes(3)))
    assert isinstance(mesh, Mesh)
    assert len(mesh.faces) == 12 and mesh.notes == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xd8\xff\xe0 JFIF", "no STL or truncated: it has no whole header"),
        (_BINARY[:-7], "announces 684 bytes and holds 677"),
        (b"solid".ljust(80) + _BINARY[80:-7], "announces 684 bytes and holds 677"),
        (_BINARY[:50], "no whole header"),
        (_TEXT.replace(b"0.5", b"one", 1), "line 4: '-one' is not a number"),
        (_FACET.replace("vertex 0 1 0\n", ""), "line 1: this facet has 2 vertices"),
        (_FACET.replace("vertex 0", "vertex 9 9 9\nvertex 0", 1), "line 1: .* has 4 vertices"),
        (_FACET.replace("1 0 0", "1 0"), "line 4: it has 2 numbers where 3"),
        ("solid nothing\nendsolid nothing\n" + " " * 80, "holds no facets"),
        (f"solid a\n{_FACET[:40]}", "holds no whole facets"),
        (b"\0" * 84, "holds no facets"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes | str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(_write(tmp_path, content))
