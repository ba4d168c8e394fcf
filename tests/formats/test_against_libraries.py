"""What is read agrees with what was written, and with trimesh and Open3D where they read it.

Each way to write a file writes all shapes. What is read here must be what was written, without
exception. Where a library reads something else, a table says what and why.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import trimesh

from pcea.formats import Mesh, read

Array = np.ndarray


@dataclass(frozen=True)
class _Shape:
    """What is written, or what somebody reads.

    Args:
        vertices: (N, 3) float64 that float32 holds exactly.
        faces: (F, 3) indices; none for a cloud.
        normal: (N, 3) unit normals.
        color: (N, 3) uint8.
        polygons: what the faces were before they were cut, if those are more than triangles.
        digits: to how many digits of the largest coordinate the file is right.
    """

    name: str
    vertices: Array
    faces: Array | None = None
    normal: Array | None = None
    color: Array | None = None
    polygons: list[list[int]] | None = None
    digits: int = 6


def _prism(outline: Array, height: float) -> tuple[Array, list[list[int]]]:
    """An upright prism: its vertices and polygons."""
    n = len(outline)
    flat = np.concatenate((outline, outline))
    vertices = np.column_stack((flat, np.repeat([0, height], n)))
    polygons = [list(range(n))[::-1], list(range(n, 2 * n))]
    polygons += [[i, (i + 1) % n, n + (i + 1) % n, n + i] for i in range(n)]
    return vertices, polygons


def _outlines() -> Iterator[tuple[str, Array]]:
    u = np.array([[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3]], float)
    yield "U prism", u
    yield "U prism from a corner inside", np.roll(u, 3, axis=0)
    yield "L prism", np.array([[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]], float)
    yield "arrow prism", np.array([[1, 0], [0, 2], [1, 1], [2, 2]], float)
    for sides in (3, 4, 5, 7):
        angle = np.arange(sides) * 2 * np.pi / sides
        yield f"{sides} sided prism", np.stack((np.cos(angle), np.sin(angle)), axis=1)
    for points in (3, 5, 8):
        angle = np.arange(2 * points) * np.pi / points
        radius = np.where(np.arange(2 * points) % 2, 0.4, 1.0)
        star = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
        yield f"star of {points}", star


def _meshes() -> Iterator[_Shape]:
    make = trimesh.creation
    found = {
        "box": make.box((1, 2, 3)),
        "flat box": make.box((100, 0.01, 3)),
        "tiny box": make.box((1e-4, 2e-4, 3e-4)),
        "ball": make.icosphere(subdivisions=2),
        "many vertices": make.icosphere(subdivisions=4),
        "egg": make.icosphere(subdivisions=2).apply_scale((1, 3, 0.2)),
        "can": make.cylinder(radius=1, height=3, sections=11),
        "ring": make.annulus(r_min=0.5, r_max=1, height=2, sections=12),
        "triangle": trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False),
    }
    for name, mesh in found.items():
        yield _Shape(name, np.array(mesh.vertices), np.array(mesh.faces))
    for name, outline in _outlines():
        vertices, polygons = _prism(outline, 2.0)
        yield _Shape(name, vertices, polygons=polygons)


def _dressed(shapes: Iterator[_Shape]) -> Iterator[_Shape]:
    """Each shape with normals, colors, both, or bare, by turns; positions as float32 has them."""
    rng = np.random.default_rng(0)
    for i, shape in enumerate(shapes):
        vertices = shape.vertices.astype(np.float32).astype(np.float64)
        normal = rng.normal(size=vertices.shape)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        color = rng.integers(256, size=vertices.shape).astype(np.uint8)
        yield replace(
            shape,
            vertices=vertices,
            normal=normal if i % 4 in (1, 3) else None,
            color=color if i % 4 in (2, 3) else None,
        )


def _clouds() -> Iterator[_Shape]:
    rng = np.random.default_rng(1)
    for i in range(24):
        scale = [1, 1e-3, 1e3, (1, 50, 0.1)][i // 4 % 4]
        num = (7, 60, 2000)[i % 3]
        yield _Shape(f"cloud {i}", rng.normal(size=(num, 3)) * scale)


_MESHES = [*_dressed(_meshes())]
_POLYGONS = [shape for shape in _MESHES if shape.polygons is not None]
_TRIANGLES = [shape for shape in _MESHES if shape.polygons is None]
_CLOUDS = [*_dressed(_clouds())]


def _of_trimesh(shape: _Shape) -> Any:
    if shape.faces is None:
        return trimesh.PointCloud(shape.vertices, colors=shape.color)
    mesh = trimesh.Trimesh(shape.vertices.copy(), shape.faces.copy(), process=False)
    if shape.normal is not None:
        mesh.vertex_normals = shape.normal.copy()  # it locks what it is given
    if shape.color is not None:
        mesh.visual.vertex_colors = shape.color
    return mesh


def _of_open3d(shape: _Shape, open3d: ModuleType) -> Any:
    vectors = open3d.utility.Vector3dVector
    made, at = open3d.geometry.PointCloud(vectors(shape.vertices)), ""
    if shape.faces is not None:
        faces = open3d.utility.Vector3iVector(shape.faces)
        made, at = open3d.geometry.TriangleMesh(vectors(shape.vertices), faces), "vertex_"
    if shape.normal is not None:
        setattr(made, f"{at}normals", vectors(shape.normal))
    if shape.color is not None:
        setattr(made, f"{at}colors", vectors(shape.color / 255))
    return made


def _unmerged(shape: _Shape) -> _Shape:
    corners = shape.vertices[shape.faces].reshape(-1, 3)
    return replace(shape, vertices=corners, faces=np.arange(len(corners)).reshape(-1, 3))


def _by_trimesh_out(shape: _Shape, path: Path, open3d: ModuleType, **options: Any) -> None:
    if path.suffix == ".ply" and shape.faces is not None:
        options["vertex_normal"] = shape.normal is not None
    elif path.suffix == ".obj":
        options |= {"include_normals": shape.normal is not None, "digits": 12}
    _of_trimesh(shape).export(path, **options)


def _by_open3d_out(shape: _Shape, path: Path, open3d: ModuleType, **options: Any) -> None:
    made = _of_open3d(shape, open3d)
    if shape.faces is None:
        open3d.io.write_point_cloud(str(path), made, **options)
        return
    if path.suffix == ".stl":
        made.compute_triangle_normals()
    open3d.io.write_triangle_mesh(str(path), made, **options)


def _rows(shape: _Shape, scale: float = 1) -> tuple[list[str], list[str]]:
    """The columns that a shape has, and its rows as text."""
    names, rows = ["x", "y", "z"], [[repr(v) for v in row] for row in shape.vertices.tolist()]
    color = shape.color if shape.color is None or scale == 1 else shape.color / scale
    for more, values in (("nx ny nz", shape.normal), ("red green blue", color)):
        if values is not None:
            names += more.split()
            rows = [a + [repr(v) for v in b] for a, b in zip(rows, values.tolist(), strict=True)]
    return names, [" ".join(row) for row in rows]


def _by_hand(shape: _Shape, path: Path, open3d: ModuleType) -> None:
    polygons = shape.polygons or []
    faces = [" ".join(map(str, [len(p), *p])) for p in polygons]
    names, rows = _rows(shape)
    if path.suffix == ".ply":
        kinds = ["uchar" if name in ("red", "green", "blue") else "double" for name in names]
        lines = ["ply", "format ascii 1.0", f"element vertex {len(rows)}"]
        lines += [f"property {kind} {name}" for kind, name in zip(kinds, names, strict=True)]
        lines += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
        lines += ["end_header", *rows, *faces]
    elif path.suffix == ".off":
        keyword = "C" * (shape.color is not None) + "N" * (shape.normal is not None) + "OFF"
        rows = rows if shape.color is None else [f"{row} 255" for row in rows]
        lines = [keyword, f"{len(rows)} {len(faces)} 0", *rows, *faces]
    elif path.suffix == ".obj":
        lines = [f"v {row}" for row in _rows(replace(shape, normal=None), 255)[1]]
        if shape.normal is not None:
            lines += ["vn " + " ".join(map(repr, row)) for row in shape.normal.tolist()]
        corner = "{0}" if shape.normal is None else "{0}//{0}"
        lines += ["f " + " ".join(corner.format(i + 1) for i in p) for p in polygons]
    else:
        lines = [" ".join(names), *rows]
    path.write_text("\n".join([*lines, ""]))


@dataclass(frozen=True)
class _Way:
    """A way to write files: the ending, who writes which shapes, and what of them is written."""

    ending: str
    write: Callable[..., None]
    shapes: list[_Shape]
    options: dict[str, Any] = field(default_factory=dict)
    digits: int = 6
    holds: tuple[str, ...] = ("normal", "color")

    def hold(self, shape: _Shape) -> _Shape:
        """What the file of a shape holds."""
        shape = _unmerged(shape) if self.ending == "stl" else shape
        bare = {name: None for name in ("normal", "color") if name not in self.holds}
        return replace(shape, digits=self.digits, **bare)


_TEXT, _BINARY = {"write_ascii": True}, {"write_ascii": False}
_WAYS = {
    "PLY of trimesh": _Way("ply", _by_trimesh_out, _TRIANGLES),
    "text PLY of trimesh": _Way("ply", _by_trimesh_out, _TRIANGLES, {"encoding": "ascii"}),
    "PLY of Open3D": _Way("ply", _by_open3d_out, _TRIANGLES, _BINARY),
    "text PLY of Open3D": _Way("ply", _by_open3d_out, _TRIANGLES, _TEXT, digits=5),
    "PLY with polygons": _Way("ply", _by_hand, _POLYGONS),
    "cloud as PLY of trimesh": _Way("ply", _by_trimesh_out, _CLOUDS, holds=("color",)),
    "cloud as PLY of Open3D": _Way("ply", _by_open3d_out, _CLOUDS, _BINARY),
    "cloud as text PLY of Open3D": _Way("ply", _by_open3d_out, _CLOUDS, _TEXT, digits=5),
    "OFF with polygons": _Way("off", _by_hand, _POLYGONS),
    "OFF of trimesh": _Way("off", _by_trimesh_out, _TRIANGLES, holds=()),
    "OFF of Open3D": _Way("off", _by_open3d_out, _TRIANGLES, digits=5),
    "OBJ with polygons": _Way("obj", _by_hand, _POLYGONS),
    "OBJ of trimesh": _Way("obj", _by_trimesh_out, _TRIANGLES),
    "OBJ of Open3D": _Way("obj", _by_open3d_out, _TRIANGLES, digits=5),
    "STL of trimesh": _Way("stl", _by_trimesh_out, _TRIANGLES, holds=()),
    "text STL of trimesh": _Way(
        "stl", _by_trimesh_out, _TRIANGLES, {"file_type": "stl_ascii"}, holds=()
    ),
    "STL of Open3D": _Way("stl", _by_open3d_out, _TRIANGLES, holds=()),
    # The normals and colors of glTF have tests of their own: what trimesh writes is a guess.
    "GLB of trimesh": _Way("glb", _by_trimesh_out, _TRIANGLES, holds=()),
    "text PCD of Open3D": _Way("pcd", _by_open3d_out, _CLOUDS, _TEXT),
    "PCD of Open3D": _Way("pcd", _by_open3d_out, _CLOUDS, _BINARY),
    "compressed PCD of Open3D": _Way("pcd", _by_open3d_out, _CLOUDS, {"compressed": True}),
    "XYZ of Open3D": _Way("xyz", _by_open3d_out, _CLOUDS, holds=()),
    "XYZ with names": _Way("xyz", _by_hand, _CLOUDS),
}


def _by_us(path: Path) -> _Shape:
    shape = read(path)
    return _Shape(
        "pcea",
        shape.file_pos.double().numpy(),
        shape.faces.numpy() if isinstance(shape, Mesh) else None,
        None if shape.normal is None else shape.normal.numpy(),
        None if shape.color is None else shape.color.numpy(),
    )


def _by_trimesh(path: Path, cloud: bool, open3d: ModuleType) -> _Shape:
    scene = trimesh.load_scene(path, process=False, maintain_order=True)
    (part,) = scene.geometry.values()
    if isinstance(part, trimesh.PointCloud):
        color = np.asarray(part.colors)
        return _Shape("trimesh", part.vertices, color=color[:, :3] if len(color) else None)
    normal = part._cache.cache.get("vertex_normals")  # else it computes its own
    color = part.visual.vertex_colors[:, :3] if part.visual.kind == "vertex" else None
    return _Shape("trimesh", part.vertices, part.faces, normal, color)


def _by_open3d(path: Path, cloud: bool, open3d: ModuleType) -> _Shape:
    faces = None
    if cloud:
        read_as = open3d.io.read_point_cloud(str(path))
        found = read_as.points, read_as.normals, read_as.colors
    else:
        read_as = open3d.io.read_triangle_mesh(str(path))
        found = read_as.vertices, read_as.vertex_normals, read_as.vertex_colors
        faces = np.asarray(read_as.triangles)
    vertices, normal, color = map(np.asarray, found)
    color = (color * 255).round().astype(np.uint8)
    return _Shape(
        *("Open3D", vertices, faces),
        *(values if len(values) else None for values in (normal, color)),
    )


def _differences(held: _Shape, other: _Shape) -> set[str]:
    """What somebody reads differently from what the file holds."""
    found = set()
    slack = np.abs(held.vertices).max() * 10.0**-held.digits
    if not _close(held.vertices, other.vertices, slack):
        found.add("vertices")
    if held.polygons is not None:
        if other.faces is None or not np.allclose(_sizes(other), _sizes(held), rtol=1e-5):
            found.add("faces")
    elif not _close(_corners(held), _corners(other), slack):
        found.add("faces")
    if not _close(held.normal, other.normal, 1e-4):
        found.add("normals")
    if not _close(held.color, other.color, 0):
        found.add("colors")
    return found


def _close(a: Array | None, b: Array | None, slack: float) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and np.allclose(a.astype(float), b, rtol=0, atol=slack)


def _corners(shape: _Shape) -> Array | None:
    """(F, 3, 3) positions: the same however the vertices are numbered."""
    return None if shape.faces is None else shape.vertices[shape.faces]


def _sizes(shape: _Shape) -> tuple[float, float]:
    """Area and volume inside: the same however polygons are cut, as long as the cut covers them."""
    polygons: Any = shape.faces if shape.polygons is None else shape.polygons
    area = volume = 0.0
    for polygon in polygons:
        ring = shape.vertices[polygon]
        twice = np.cross(ring, np.roll(ring, -1, axis=0)).sum(0)  # Newell's normal
        area += float(np.linalg.norm(twice)) / 2
        volume += float(ring.mean(0) @ twice) / 6
    return area, volume


_FANS = "it cuts polygons as fans from their first corner, which covers more where they are concave"
_UNCUT = "it gives up on a polygon that it cannot cut, and on all faces of the file with it"
_ASSIMP = "it reads by Assimp, which merges and reorders the vertices, and what stands at them"
_FACETS = "it takes the normals of the facets for those of their corners"
_NONE = "it leaves them out"
_ENDING = {"reading": "it does not read this format"}
_REORDERED = {"vertices": _ASSIMP, "normals": _ASSIMP, "colors": _ASSIMP}

# Who reads something else than the file holds, by how it was written: what differs, and why. Seen
# with trimesh 5.2 and Open3D 0.20.
_DIFFERENCES: dict[tuple[str, str], dict[str, str]] = {
    ("cloud as PLY of Open3D", "trimesh"): {"normals": _NONE},
    ("cloud as text PLY of Open3D", "trimesh"): {"normals": _NONE},
    ("PLY with polygons", "trimesh"): {"faces": _FANS},
    ("PLY with polygons", "Open3D"): {"faces": _UNCUT},
    ("OFF with polygons", "trimesh"): {
        "faces": _FANS,
        "normals": _NONE,
        "colors": _NONE,
        "reading": "it stops at polygons with more than four corners",
    },
    ("OFF with polygons", "Open3D"): {"faces": _UNCUT},
    ("OFF of Open3D", "trimesh"): {"normals": _NONE, "colors": _NONE},
    ("OBJ with polygons", "trimesh"): {"faces": _FANS},
    ("OBJ with polygons", "Open3D"): {
        **_REORDERED,
        "faces": "it leaves out polygons of more than three corners",
    },
    **{(f"OBJ of {who}", "Open3D"): _REORDERED for who in ("trimesh", "Open3D")},
    **{
        (f"{what} of {who}", "Open3D"): {"vertices": _ASSIMP, "normals": _FACETS}
        for what, who in (("STL", "trimesh"), ("text STL", "trimesh"), ("STL", "Open3D"))
    },
    ("GLB of trimesh", "Open3D"): {"vertices": _ASSIMP},
    **{(f"{what}PCD of Open3D", "trimesh"): _ENDING for what in ("", "text ", "compressed ")},
    ("XYZ with names", "trimesh"): {"reading": "it takes the names of the columns for numbers"},
    ("XYZ with names", "Open3D"): {"normals": _NONE, "colors": _NONE},
}


@pytest.mark.parametrize("way", _WAYS)
def test_it_agrees_with_trimesh_and_open3d(tmp_path: Path, open3d: ModuleType, way: str) -> None:
    writer = _WAYS[way]
    quiet = open3d.utility.VerbosityContextManager(open3d.utility.VerbosityLevel.Error)
    unexplained: dict[tuple[str, str], list[str]] = {}
    for i, shape in enumerate(writer.shapes):
        path = tmp_path / f"{i}.{writer.ending}"
        held = writer.hold(shape)
        with quiet:
            writer.write(held if writer.ending == "glb" else shape, path, open3d, **writer.options)
        assert not _differences(held, _by_us(path)), shape.name
        cloud = held.faces is None and held.polygons is None
        for reader, by in (("trimesh", _by_trimesh), ("Open3D", _by_open3d)):
            try:
                with quiet:
                    found = _differences(held, by(path, cloud, open3d))
            except Exception as error:  # what they raise is theirs to choose
                found = {f"reading: {type(error).__name__}: {error}"}
            for what in found:
                if what.split(":")[0] not in _DIFFERENCES.get((way, reader), {}):
                    unexplained.setdefault((reader, what), []).append(shape.name)
    assert not unexplained


def test_there_are_many_shapes_and_the_table_is_about_them() -> None:
    assert {way for way, _ in _DIFFERENCES} <= set(_WAYS)
    assert len({shape.name for shape in (*_MESHES, *_CLOUDS)}) >= 40
