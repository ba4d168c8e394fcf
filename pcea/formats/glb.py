"""Coloured meshes and clouds as GLB, which browsers and 3-D programs open."""

from __future__ import annotations

import os

import numpy as np

from pcea.errors import InputError
from pcea.formats.write import Values, as_array, as_triangles, fitting, replacing


def write_glb(
    path: str | os.PathLike[str],
    pos: Values,
    faces: Values | None,
    color: Values,
    name: str = "shape",
) -> None:
    """Write a mesh or a cloud with a colour a vertex as a GLB file, whole or not at all.

    Args:
        path: where it goes; its folder is made if need be.
        pos: (V, 3) positions. glTF's y axis is up; they are written as they are.
        faces: (F, 3) vertex indices; None: a cloud.
        color: (V, 3) uint8 red, green, blue, written as they are. (A viewer that keeps to the
            letter of glTF takes them for linear ones and shows them paler.)
        name: what the shape is called in the file. Default ``shape``.

    Raises:
        InputError: a shape or a range does not fit, trimesh is missing, or the file cannot be
            written.
    """
    try:
        import trimesh
    except ImportError:
        raise InputError(f"{path}: writing it needs trimesh: pip install trimesh") from None
    vertices = as_array(pos)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or not len(vertices):
        raise InputError(f"{path}: pos must have shape (V, 3), not {vertices.shape}")
    colors = fitting("color", color, vertices.shape, path)
    if colors.dtype != np.uint8:
        raise InputError(f"{path}: color must be uint8, 0 to 255, not {colors.dtype}")
    opaque = np.concatenate([colors, np.full((len(colors), 1), 255, np.uint8)], axis=1)
    shape: trimesh.Trimesh | trimesh.PointCloud
    if faces is None:
        shape = trimesh.PointCloud(vertices, opaque)
    else:
        triangles = as_triangles(faces, len(vertices), path)["index"]
        # process=False: vertices are neither merged nor reordered.
        shape = trimesh.Trimesh(vertices, triangles, vertex_colors=opaque, process=False)
    # No material: trimesh and others give a mesh with a material its vertex colours no more.
    scene = trimesh.Scene()
    scene.add_geometry(shape, node_name=name, geom_name=name)
    data = scene.export(file_type="glb")
    with replacing(path) as file:
        file.write(data)
