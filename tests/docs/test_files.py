"""The table of endings in docs/files.md says what files of these endings can hold."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from pcea.formats import Mesh, endings, read

PAGE = Path(__file__).parents[2] / "docs" / "files.md"

# A triangle in map coordinates, with the normal and the color of each corner.
FAR = np.array([431234.125, 5403280.5, 312.25])
CORNERS = np.array([[0, 0, 0], [2, 0, 0], [0, 3, 0]]) + FAR
NORMAL, COLOR = np.tile([0.0, 0.0, 1.0], (3, 1)), np.array([[10, 20, 30]] * 3)
NAMES = ["x", "y", "z", "nx", "ny", "nz", "red", "green", "blue"]
DASH = "–"


def table() -> dict[str, list[str]]:
    """The cells behind each ending: positions, faces, normals, colors, offset."""
    rows: dict[str, list[str]] = {}
    for line in PAGE.read_text().split("## What is read")[1].split("##")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `."):
            rows |= dict.fromkeys(re.findall(r"`(\.\w+)`", cells[0]), cells[1:])
    return rows


def lines(*columns: np.ndarray) -> str:
    """The triangle's corners as rows of text."""
    rows = zip(*(column.tolist() for column in (CORNERS, *columns)), strict=True)
    return "\n".join(" ".join(repr(value) for each in row for value in each) for row in rows)


def gltf() -> str:
    blocks = [(CORNERS - FAR).astype("<f4"), NORMAL.astype("<f4"), np.full((3, 3), 0.5, "<f4")]
    data = base64.b64encode(b"".join(block.tobytes() for block in blocks)).decode()
    numbers = {"componentType": 5126, "count": 3, "type": "VEC3"}
    attributes = {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}
    return json.dumps(
        {
            "asset": {"version": "2.0"},
            "nodes": [{"mesh": 0, "translation": FAR.tolist()}],
            "meshes": [{"primitives": [{"attributes": attributes}]}],
            "accessors": [{"bufferView": i, **numbers} for i in range(3)],
            "bufferViews": [
                {"buffer": 0, "byteOffset": 36 * i, "byteLength": 36} for i in range(3)
            ],
            "buffers": [{"byteLength": 108, "uri": f"data:;base64,{data}"}],
        }
    )


def texts(ending: str) -> str:
    """A file of a text format that holds all that the format can."""
    kinds = ["double"] * 6 + ["uchar"] * 3
    properties = "\n".join(f"property {k} {n}" for k, n in zip(kinds, NAMES, strict=True))
    vertices = "\n".join(f"v {line}" for line in lines(COLOR / 255).split("\n"))
    facet = "\n".join(f"vertex {line}" for line in lines().split("\n"))
    found = {
        ".off": f"CNOFF\n3 1 0\n{lines(NORMAL, np.column_stack((COLOR, [255] * 3)))}\n3 0 1 2\n",
        ".obj": f"{vertices}\nvn 0 0 1\nf 1//1 2//1 3//1\n",
        ".ply": f"ply\nformat ascii 1.0\nelement vertex 3\n{properties}\nelement face 1\n"
        f"property list uchar int vertex_indices\nend_header\n{lines(NORMAL, COLOR)}\n3 0 1 2\n",
        ".stl": f"solid\nfacet normal 0 0 1\nouter loop\n{facet}\nendloop\nendfacet\nendsolid\n",
        ".glb": gltf(),
        ".gltf": gltf(),
        ".pcd": "VERSION 0.7\nFIELDS x y z normal_x normal_y normal_z red green blue\n"
        "SIZE 8 8 8 4 4 4 1 1 1\nTYPE F F F F F F U U U\nWIDTH 3\nHEIGHT 1\nPOINTS 3\n"
        f"DATA ascii\n{lines(NORMAL, COLOR)}\n",
    }
    return found.get(ending, f"{' '.join(NAMES)}\n{lines(NORMAL, COLOR)}\n")


def write(path: Path) -> None:
    if path.suffix == ".npy":
        columns = [*CORNERS.T, *NORMAL.T, *COLOR.T]
        np.save(path, np.asarray(np.rec.fromarrays(columns, names=NAMES)))
    elif path.suffix == ".npz":
        np.savez(path, pos=CORNERS, faces=[[0, 1, 2]], normal=NORMAL, color=COLOR)
    elif path.suffix in (".las", ".laz"):
        laspy = pytest.importorskip("laspy")
        header = laspy.LasHeader(point_format=2, version="1.2")
        header.offsets, header.scales = FAR, np.full(3, 0.001)
        las = laspy.LasData(header)
        las.x, las.y, las.z = CORNERS.T
        las.red, las.green, las.blue = COLOR.T
        las.write(path)
    else:
        path.write_text(texts(path.suffix))


def test_the_table_has_all_endings() -> None:
    assert sorted(table()) == sorted(each for each in endings() if not each.endswith(".gz"))


@pytest.mark.parametrize("ending", table())
def test_an_ending_gives_what_its_row_says(ending: str, tmp_path: Path) -> None:
    write(tmp_path / f"shape{ending}")
    shape = read(tmp_path / f"shape{ending}")
    np.testing.assert_allclose(shape.file_pos.numpy(), CORNERS, rtol=0, atol=1e-6)
    there = [isinstance(shape, Mesh), shape.normal is not None, shape.color is not None]
    there.append(bool(shape.offset.any()))
    assert there == [cell != DASH for cell in table()[ending][1:]]
