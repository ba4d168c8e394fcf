"""Shapes that are in memory already, as objects of NumPy, PyTorch, PyG, trimesh or Open3D."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.checked import as_tensor
from pcea.formats.columns import are_normals
from pcea.formats.raw import Array, Raw, join


def raw_of(thing: Any) -> tuple[Raw, str]:
    """Take what an object holds, unchecked and on the CPU, and the name of the object, if any."""
    # An object names the library that it is from, so none is imported to find out.
    libraries = {kind.__module__.partition(".")[0] for kind in type(thing).__mro__}
    raw, name = None, ""
    if isinstance(thing, (np.ndarray, Tensor)):
        raw = _of_values(thing)
    elif "torch_geometric" in libraries:
        raw, name = _of_data(thing), thing.to_dict().get("name")
    elif "trimesh" in libraries:
        raw = _of_trimesh(thing)
        metadata = getattr(thing, "metadata", {})
        name = metadata.get("name") or Path(metadata.get("file_name") or "").stem
    elif "open3d" in libraries:
        raw = _of_open3d(thing)
    if raw is None:
        raise InputError(
            f"{type(thing).__name__} is no shape: give a file's path, a Cloud or Mesh, an (N, 3)"
            " array or tensor, a PyG Data, or a mesh or point cloud of trimesh or Open3D"
        )
    for what, values in (("normals", raw.normal), ("colors", raw.color)):
        if values is not None and (values.ndim != 2 or len(values) != len(raw.pos)):
            raise InputError(
                f"the {what} of the {type(thing).__name__} have shape {values.shape}, which does"
                f" not fit its {len(raw.pos)} points"
            )
    return raw, name if isinstance(name, str) else ""


def _of_values(values: Array | Tensor) -> Raw:
    what = f"the {type(values).__name__}"
    table = _array(values, what)
    if table.ndim != 2 or table.shape[1] not in (3, 6):
        hint = ""
        if table.ndim == 3:
            hint = ": give one cloud at a time"
        elif table.ndim == 2 and table.shape[0] in (3, 6):
            hint = ": transpose it, to one row per point"
        raise InputError(
            f"{what} must have shape (N, 3), positions, or (N, 6), positions and unit normals, not"
            f" {table.shape}{hint}"
        )
    if table.shape[1] == 3:
        return Raw(table)
    if not are_normals(table[:, 3:]):
        raise InputError(
            f"columns 4 to 6 of {what} are no normals of length 1: if they are colors, give"
            " pcea.Cloud(values[:, :3], color=values[:, 3:])"
        )
    return Raw(table[:, :3], normal=table[:, 3:])


def _of_data(data: Any) -> Raw | None:
    known = data.to_dict()
    if known.get("pos") is None:
        return None
    batch = known.get("batch")
    if batch is not None and bool(batch.any()):
        raise InputError("the Batch holds several shapes: give one at a time, such as batch[0]")
    values = {
        key: _array(known[key], f"{key} of the Data")
        for key in ("pos", "normal", "color", "face", "x")
        if known.get(key) is not None
    }
    normal, features = values.get("normal"), values.get("x")
    if normal is None and features is not None and features.ndim == 2 and features.shape[1] == 3:
        normal = features if are_normals(features) else None  # as PyG's ShapeNet has them
    face = values.get("face")
    if face is not None:
        if face.ndim != 2 or len(face) != 3 or face.dtype.kind not in "iu":
            raise InputError(
                f"face of the Data must be whole numbers of shape (3, F), not {face.shape}"
            )
        face = face.T
    return Raw(values["pos"], faces=face, normal=normal, color=values.get("color"))


def _of_trimesh(thing: Any) -> Raw | None:
    if hasattr(thing, "dump"):  # a scene; its parts come at their places
        parts = [raw for each in thing.dump() if (raw := _of_trimesh(each)) is not None]
        return join(parts) if parts else None
    if not hasattr(thing, "visual") or not hasattr(thing, "vertices"):
        return None
    color = np.asarray(thing.visual.vertex_colors) if thing.visual.kind == "vertex" else None
    if not hasattr(thing, "faces") and len(thing.colors) != len(thing.vertices):
        color = None  # points without colors say that they have some, and hold none
    # trimesh derives normals when asked; its own exporters tell given ones from these like this.
    given = "vertex_normals" in getattr(thing, "_cache", ())
    return Raw(
        pos=np.asarray(thing.vertices),
        faces=np.asarray(thing.faces) if hasattr(thing, "faces") else None,
        normal=np.asarray(thing.vertex_normals) if given else None,
        color=color,
    )


def _of_open3d(thing: Any) -> Raw | None:
    o3d = sys.modules["open3d"]
    wide, whole = o3d.core.float64, o3d.core.int64
    if isinstance(thing, o3d.geometry.PointCloud):
        thing = o3d.t.geometry.PointCloud.from_legacy(thing, wide)
    elif isinstance(thing, o3d.geometry.TriangleMesh):
        thing = o3d.t.geometry.TriangleMesh.from_legacy(thing, wide, whole)
    if isinstance(thing, o3d.t.geometry.PointCloud):
        at, faces = thing.point, None
    elif isinstance(thing, o3d.t.geometry.TriangleMesh):
        at, faces = thing.vertex, np.empty((0, 3), np.int64)
        if "indices" in thing.triangle:
            faces = thing.triangle["indices"].cpu().numpy()
    else:
        return None
    known = {name: at[name].cpu().numpy() for name in at}
    pos = known.get("positions", np.empty((0, 3)))
    return Raw(pos, faces, known.get("normals"), known.get("colors"))


def _array(values: Any, what: str) -> Array:
    """An array on the CPU, of real numbers that NumPy has."""
    tensor = as_tensor(values, what).detach().cpu()
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise InputError(f"{what} must be real numbers, not {tensor.dtype}")
    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array
