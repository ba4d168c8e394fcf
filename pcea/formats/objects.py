"""Convert objects of NumPy, PyTorch, PyG, trimesh and Open3D to shapes."""

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
    """Return the unchecked content of an object, on the CPU, and the name of the object, if any."""
    # The class tells which library an object comes from, so that none is imported here.
    libraries = {kind.__module__.partition(".")[0] for kind in type(thing).__mro__}
    kind, raw, name = type(thing).__name__, None, ""
    if isinstance(thing, (np.ndarray, Tensor)):
        raw = _of_values(thing, f"the {kind}")
    elif "torch_geometric" in libraries:
        known = thing.to_dict()
        raw, name = _of_data(known), known.get("name")
    elif "trimesh" in libraries:
        raw = _of_trimesh(thing)
        metadata = getattr(thing, "metadata", {})
        name = metadata.get("name") or Path(metadata.get("file_name") or "").stem
    elif "open3d" in libraries:
        raw = _of_open3d(thing)
    if raw is None:
        raise InputError(
            f"{kind} is no shape: give a file's path, a Cloud or Mesh, an (N, 3)"
            " array or tensor, a PyG Data, or a mesh or point cloud of trimesh or Open3D"
        )
    for what, values in (("normals", raw.normal), ("colors", raw.color)):
        if values is not None and (values.ndim != 2 or len(values) != len(raw.pos)):
            fits = f"which does not fit its {len(raw.pos)} points"
            raise InputError(f"the {what} of the {kind} have shape {values.shape}, {fits}")
    return raw, name if isinstance(name, str) else ""


def _of_values(values: Array | Tensor, what: str) -> Raw:
    table = _array(values, what)
    if table.ndim != 2 or table.shape[1] not in (3, 6):
        turned = table.ndim == 2 and len(table) in (3, 6)
        hint = ": transpose it, to one row per point" if turned else ""
        raise InputError(
            f"{what} must have shape (N, 3), positions, or (N, 6), positions and unit normals, not"
            f" {table.shape}{': give one cloud at a time' if table.ndim == 3 else hint}"
        )
    if table.shape[1] == 6 and not are_normals(table[:, 3:]):
        raise InputError(
            f"columns 4 to 6 of {what} are no normals of length 1: if they are colors, give"
            " pcea.Cloud(values[:, :3], color=values[:, 3:])"
        )
    return Raw(table[:, :3], normal=table[:, 3:] if table.shape[1] == 6 else None)


def _of_data(known: dict[str, Any]) -> Raw | None:
    if known.get("pos") is None:
        return None
    if known.get("batch") is not None and bool(known["batch"].any()):
        raise InputError("the Batch holds several shapes: give one at a time, such as batch[0]")
    normal, color, face, features = (
        None if known.get(key) is None else _array(known[key], f"{key} of the Data")
        for key in ("normal", "color", "face", "x")
    )
    if normal is None and features is not None and features.shape[1:] == (3,):
        normal = features if are_normals(features) else None  # as PyG's ShapeNet has them
    if face is not None and (face.ndim != 2 or len(face) != 3 or face.dtype.kind not in "iu"):
        needed = "whole numbers of shape (3, F)"
        raise InputError(f"face of the Data must be {needed}, not {face.shape}")
    pos = _array(known["pos"], "pos of the Data")
    return Raw(pos, None if face is None else face.T, normal, color)


def _of_trimesh(thing: Any) -> Raw | None:
    if hasattr(thing, "dump"):  # a scene; dump() moves the parts to their places
        parts = [raw for each in thing.dump() if (raw := _of_trimesh(each)) is not None]
        return join(parts) if parts else None
    if not hasattr(thing, "visual") or not hasattr(thing, "vertices"):
        return None
    pos, faces = np.asarray(thing.vertices), getattr(thing, "faces", None)
    color = np.asarray(thing.visual.vertex_colors) if thing.visual.kind == "vertex" else None
    if faces is None and len(thing.colors) != len(pos):
        color = None  # trimesh's points without colors have an empty list of colors
    # trimesh computes normals on access; its own exporters find given ones in the same way.
    given = "vertex_normals" in getattr(thing, "_cache", ())
    normal = np.asarray(thing.vertex_normals) if given else None
    return Raw(pos, None if faces is None else np.asarray(faces), normal, color)


def _of_open3d(thing: Any) -> Raw | None:
    o3d, faces = sys.modules["open3d"], None
    wide, whole = o3d.core.float64, o3d.core.int64
    if isinstance(thing, o3d.geometry.PointCloud):
        thing = o3d.t.geometry.PointCloud.from_legacy(thing, wide)
    elif isinstance(thing, o3d.geometry.TriangleMesh):
        thing = o3d.t.geometry.TriangleMesh.from_legacy(thing, wide, whole)
    if isinstance(thing, o3d.t.geometry.PointCloud):
        at = thing.point
    elif isinstance(thing, o3d.t.geometry.TriangleMesh):
        at = thing.vertex
        faces = thing.triangle["indices"].cpu().numpy() if "indices" in thing.triangle else None
    else:
        return None
    known = {name: at[name].cpu().numpy() for name in at}
    pos = known.get("positions", np.empty((0, 3)))
    return Raw(pos, faces, known.get("normals"), known.get("colors"))


def _array(values: Any, what: str) -> Array:
    """Convert to an array of real numbers, in a type that NumPy has."""
    tensor = as_tensor(values, what).detach().cpu()
    if tensor.dtype == torch.bool:
        raise InputError(f"{what} must be real numbers, not {tensor.dtype}")
    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array
