"""Convert shapes to geometries of Open3D, for its windows and its algorithms."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from pcea.formats import Mesh, ShapeLike, as_shape
from pcea.formats.open3d import import_open3d
from pcea.pictures.render import coloring


def to_open3d(shape: ShapeLike, colors: ArrayLike | Tensor | None = None) -> Any:
    """Convert a shape to an Open3D geometry; :func:`pcea.as_shape` converts it back.

    Args:
        shape: a mesh or a cloud, or anything else that :func:`pcea.as_shape` takes.
        colors: uint8, as for :func:`pcea.pictures.render`. Default: the shape's own, else gray.

    Returns:
        A legacy ``TriangleMesh`` or ``PointCloud`` in the file's coordinates. A mesh without
        normals gets those that Open3D computes. Faces with colors get vertices of their own.

    Raises:
        InputError: Open3D is missing, or the colors do not fit the shape.
    """
    o3d, shape = import_open3d(), as_shape(shape)
    vectors = o3d.utility.Vector3dVector
    pos, normal = shape.file_pos.detach().double().cpu().numpy(), shape.normal
    color, by_face, _ = coloring(shape, shape.color if colors is None else colors)
    if isinstance(shape, Mesh):
        faces = shape.faces.cpu().numpy()
        if by_face:
            pos, normal, color = pos[faces.ravel()], None, color.repeat(3, axis=0)
            faces = np.arange(len(pos)).reshape(-1, 3)
        triangles = o3d.utility.Vector3iVector(faces)
        made, at = o3d.geometry.TriangleMesh(vectors(pos), triangles), "vertex_"
    else:
        made, at = o3d.geometry.PointCloud(vectors(pos)), ""
    setattr(made, f"{at}colors", vectors(color / 255))
    if normal is not None:
        setattr(made, f"{at}normals", vectors(normal.detach().double().cpu().numpy()))
    elif isinstance(shape, Mesh):
        made.compute_vertex_normals()
    return made
