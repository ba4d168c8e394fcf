"""Files of the kinds that people reported: each is written here, and read as it was meant."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pcea.formats import Cloud, Mesh, read
from pcea.geometry.surface import face_areas

_BOX = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 2, 0], [0, 0, 3], [1, 0, 3], [1, 2, 3], [0, 2, 3]]
)
_QUADS = [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]
_TRIANGLES = [t for a, b, c, d in _QUADS for t in ([a, b, c], [a, c, d])]
_U = np.array(
    [[0, 0, 0], [3, 0, 0], [3, 3, 0], [2, 3, 0], [2, 1, 0], [1, 1, 0], [1, 3, 0], [0, 3, 0]]
)


@dataclass(frozen=True)
class _Case:
    """A file, and what it holds.

    Args:
        content: the file.
        area: of all faces; None for a cloud.
        pos: (N, 3) vertices; None where three stand at each facet of the box.
        color: the color of all points, or of each.
        note: part of what is said.
    """

    content: bytes
    area: float | None = 22.0
    pos: np.ndarray | None = None
    color: object = None
    note: str = ""


def _rows(pos: np.ndarray, more: str = "") -> str:
    return "".join(f"{x} {y} {z}{more}\n" for x, y, z in pos.tolist())


def _ply(body: str | bytes, more: str = "", vertices: int = 8, end: str = "\n") -> bytes:
    form = "ascii" if isinstance(body, str) else "binary_little_endian"
    head = f"ply\nformat {form} 1.0\nelement vertex {vertices}\n" + "".join(
        f"property float {axis}\n" for axis in "xyz"
    )
    head = f"{head}{more}end_header\n".replace("\n", end)
    return head.encode() + (body.encode() if isinstance(body, str) else body)


def _colors(kind: str) -> str:
    return "".join(f"property {kind} {name}\n" for name in ("red", "green", "blue"))


_FACES = "element face 6\nproperty list uchar int vertex_indices\n"
_FACE_ROWS = "".join(f"4 {' '.join(map(str, quad))}\n" for quad in _QUADS)
_OBJ_FACES = "".join(f"f {' '.join(str(i + 1) for i in quad)}\n" for quad in _QUADS)


def _obj(pos: np.ndarray = _BOX, more: str = "") -> str:
    return "".join(f"v {row}\n" for row in _rows(pos, more).splitlines())


def _pcd(fields: str, size: str, kind: str, layout: str, points: int, shape: str) -> bytes:
    count = " ".join("1" for _ in fields.split())
    return (
        f"# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS {fields}\nSIZE {size}\n"
        f"TYPE {kind}\nCOUNT {count}\n{shape}\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {points}\n"
        f"DATA {layout}\n"
    ).encode()


def _stl_text(end: str = "\n", last: str = "endsolid x\n") -> bytes:
    facets = "".join(
        "facet normal 0 0 0\n outer loop\n"
        + "".join(f"  vertex {x:e} {y:e} {z:e}\n" for x, y, z in _BOX[triangle].tolist())
        + " endloop\nendfacet\n"
        for triangle in _TRIANGLES
    )
    return f"solid x\n{facets}{last}".replace("\n", end).encode()


def _stl_binary() -> bytes:
    facets = np.zeros(12, [("normal", "<f4", 3), ("vertices", "<f4", (3, 3)), ("more", "<u2")])
    facets["vertices"] = _BOX[_TRIANGLES]
    return b"\0" * 80 + np.uint32(12).tobytes() + facets.tobytes()


def _pdal() -> bytes:
    table = np.zeros(8, [("pos", "<f8", 3), ("color", "<u2", 3)])
    table["pos"], table["color"] = _BOX, [10, 20, 30]
    header = _pcd(
        "X Y Z Red Green Blue", "8 8 8 2 2 2", "F F F U U U", "binary", 8, "WIDTH 8\nHEIGHT 1"
    )
    return header + table.tobytes()


_NAN_ROW = np.vstack((_BOX, [[np.nan] * 3]))
_RECORDS = b"".join(b"\x04" + np.array(quad, "<i4").tobytes() for quad in _QUADS)
_CASES = {
    "ply/multi_line_vertex": _Case(
        _ply(_rows(_BOX).replace(" ", "\n") + _FACE_ROWS, _FACES), pos=_BOX
    ),
    "ply/tristrips": _Case(
        _ply(
            _rows(_BOX) + "8 0 1 3 2 -1 4 5 7\n",
            "element tristrips 1\nproperty list int int vertex_indices\n",
        ),
        area=3.0,
        pos=_BOX,
    ),
    "ply/cr_header_binary": _Case(
        _ply(_BOX.astype("<f4").tobytes() + _RECORDS, _FACES, end="\r"), pos=_BOX
    ),
    "ply/vertex_upper": _Case(
        _ply(_rows(_BOX) + _FACE_ROWS, _FACES)
        .replace(b"float x", b"float X")
        .replace(b"float y", b"float Y")
        .replace(b"float z", b"float Z"),
        pos=_BOX,
    ),
    "ply/nan_points": _Case(
        _ply(_rows(_NAN_ROW), vertices=9), area=None, pos=_BOX, note="1 of 9 points"
    ),
    "ply/float255_color": _Case(
        _ply(_rows(_BOX, " 128 0 255"), _colors("float")), None, _BOX, [128, 0, 255]
    ),
    "ply/int_color": _Case(
        _ply(_rows(_BOX, " 128 0 255"), _colors("int")), None, _BOX, [128, 0, 255]
    ),
    "off/allononeline": _Case(
        f"OFF 8 6 0 {_rows(_BOX)}{_FACE_ROWS}".replace("\n", " ").strip().encode() + b"\n", pos=_BOX
    ),
    "obj/u_shape": _Case((_obj(_U) + "f 1 2 3 4 5 6 7 8\n").encode(), area=7.0, pos=_U),
    "obj/continuation_crlf": _Case(
        (_obj() + _OBJ_FACES.replace("f 4 1 5 8", "f 4 1 \\\n5 8")).replace("\n", "\r\n").encode(),
        pos=_BOX,
    ),
    "obj/nan_vertex": _Case((_obj(_NAN_ROW) + _OBJ_FACES).encode(), pos=_BOX),
    "obj/vcolor255_cloud": _Case(
        "".join(
            f"v {x} {y} {z} {20 * i} 128 255\n" for i, (x, y, z) in enumerate(_BOX.tolist())
        ).encode(),
        area=None,
        pos=_BOX,
        color=[[20 * i, 128, 255] for i in range(8)],
    ),
    "stl/binary_trailing": _Case(_stl_binary() + b"\0", note="1 bytes after its 12 facets"),
    "stl/ascii_cr": _Case(_stl_text(end="\r")),
    "stl/ascii_noend": _Case(_stl_text(last=""), note="without 'endsolid'.* 12 whole facets"),
    "pcd/organized_nan": _Case(
        _pcd("x y z", "4 4 4", "F F F", "binary", 10, "WIDTH 5\nHEIGHT 2")
        + np.vstack((_BOX, np.full((2, 3), np.nan))).astype("<f4").tobytes(),
        area=None,
        pos=_BOX,
        note="2 of 10 points",
    ),
    "pcd/pdal_upper": _Case(_pdal(), None, _BOX, [10, 20, 30]),
    # What Open3D 0.20 gives, and what PCL's reader does: 4210800 as a float is 0x4A8080E0 in bits.
    "pcd/ascii_lower_float_int": _Case(
        _pcd("x y z rgb", "4 4 4 4", "f f f f", "ascii", 8, "WIDTH 8\nHEIGHT 1")
        + _rows(_BOX, " 4.2108e+06").encode(),
        None,
        _BOX,
        [0x80, 0x80, 0xE0],
    ),
}


def _check(path: Path, case: _Case) -> None:
    shape = read(path)
    if case.area is None:
        assert isinstance(shape, Cloud)
        pos = shape.pos.numpy()
    else:
        assert isinstance(shape, Mesh)
        pos = shape.vertices.numpy()
        areas = face_areas(shape.vertices, shape.faces)
        assert areas.sum().item() == pytest.approx(case.area, abs=1e-6)
    expected = _BOX[_TRIANGLES].reshape(-1, 3) if case.pos is None else case.pos
    np.testing.assert_array_equal(pos, expected)
    if case.color is None:
        assert shape.color is None
    else:
        assert shape.color is not None
        np.testing.assert_array_equal(
            shape.color.numpy(), np.broadcast_to(np.array(case.color), (len(pos), 3))
        )
    if case.note:
        assert len(shape.notes) == 1
        assert re.search(case.note, shape.notes[0])
    else:
        assert shape.notes == ()


@pytest.mark.parametrize("name", _CASES)
def test_a_file_that_people_reported_is_read_as_it_was_meant(tmp_path: Path, name: str) -> None:
    folder, stem = name.split("/")
    path = tmp_path / f"{stem}.{folder}"
    path.write_bytes(_CASES[name].content)
    _check(path, _CASES[name])


def test_the_reported_files_themselves_read(real_data: Path) -> None:
    found = sorted(
        path
        for kind in ("ply", "off", "obj", "stl", "pcd")
        for path in (real_data / "cases" / kind).iterdir()
    )
    assert {f"{path.parent.name}/{path.stem}" for path in found} == set(_CASES)
    for path in found:
        _check(path, _CASES[f"{path.parent.name}/{path.stem}"])
