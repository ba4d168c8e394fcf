#!/usr/bin/env python3
"""Write the sample shapes of data/samples, one file format each.

    python scripts/make_samples.py [FOLDER]

A second run writes the same bytes. The shapes are in no default split of the `shapes` data set.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import trimesh

from pcea.datasets.shapes import PARTS, PartMesh, build
from pcea.geometry.surface import sample_surface

# Far from the few small seeds that the default splits take.
SEED = 2026
FOLDER = Path(__file__).parents[1] / "data" / "samples"


def obj(mesh: PartMesh) -> bytes:
    """Wavefront OBJ: one group a part."""
    lines = [f"v {row}" for row in _rows(mesh.vertices)]
    for part in mesh.part.unique().tolist():
        lines.append(f"g {PARTS[part].split('/')[1]}")
        lines += [
            "f {} {} {}".format(*face) for face in (mesh.faces[mesh.part == part] + 1).tolist()
        ]
    return _text(["# made by scripts/make_samples.py", *lines])


def off(mesh: PartMesh) -> bytes:
    """Object File Format."""
    faces = ["3 {} {} {}".format(*face) for face in mesh.faces.tolist()]
    counts = f"{len(mesh.vertices)} {len(faces)} 0"
    return _text(["OFF", counts, *_rows(mesh.vertices), *faces])


def ply(mesh: PartMesh) -> bytes:
    """Stanford PLY in its text form."""
    faces = ["3 {} {} {}".format(*face) for face in mesh.faces.tolist()]
    header = ["ply", "format ascii 1.0", f"element vertex {len(mesh.vertices)}"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    return _text([*header, *_rows(mesh.vertices), *faces])


def stl(mesh: PartMesh) -> bytes:
    """Binary STL; its normals are zero, which readers take from the corners."""
    fields = [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]
    triangles = np.zeros(len(mesh.faces), dtype=fields)
    triangles["corners"] = mesh.vertices[mesh.faces].numpy()
    return bytes(80) + np.uint32(len(triangles)).astype("<u4").tobytes() + triangles.tobytes()


def glb(mesh: PartMesh) -> bytes:
    """Binary glTF."""
    scene = trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False).scene()
    return bytes(scene.export(file_type="glb"))


def xyz(mesh: PartMesh) -> bytes:
    """A cloud as text: position and normal of one point a line."""
    pos, normal = _cloud(mesh)
    return _text(_rows(torch.cat([pos, normal], dim=1)))


def pcd(mesh: PartMesh) -> bytes:
    """A cloud in the Point Cloud Library's text form."""
    pos, _ = _cloud(mesh)
    header = ["VERSION .7", "FIELDS x y z", "SIZE 4 4 4", "TYPE F F F", "COUNT 1 1 1"]
    header += [f"WIDTH {len(pos)}", "HEIGHT 1", "VIEWPOINT 0 0 0 1 0 0 0"]
    return _text([*header, f"POINTS {len(pos)}", "DATA ascii", *_rows(pos)])


# File name: its writer, and which object of its category is drawn.
SAMPLES: dict[str, tuple[Callable[[PartMesh], bytes], int]] = {
    "airplane.off": (off, 0),
    "animal.ply": (ply, 7),
    "chair.obj": (obj, 5),
    "guitar.xyz": (xyz, 6),
    "lamp.glb": (glb, 6),
    "mug.stl": (stl, 8),
    "person.pcd": (pcd, 6),
    "table.ply": (ply, 1),
}


def main(folder: Path = FOLDER) -> None:
    """Write every sample into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (write, index) in SAMPLES.items():
        (folder / name).write_bytes(write(build(name.split(".")[0], SEED, index)))


def _cloud(mesh: PartMesh, num: int = 1024) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(SEED)
    pos, normal, _ = sample_surface(mesh.vertices, mesh.faces, num, generator)
    return pos, normal


def _rows(values: torch.Tensor) -> list[str]:
    # Adding zero turns a rounded -0 into 0.
    rounded = np.round(values.double().numpy(), 4) + 0.0
    return [" ".join(f"{value:.4f}" for value in row) for row in rounded]


def _text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
