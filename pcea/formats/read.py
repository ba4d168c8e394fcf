"""A user's file becomes a mesh or a cloud, or one clear error."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

from pcea.errors import InputError
from pcea.formats.gltf import read_gltf
from pcea.formats.obj import read_obj
from pcea.formats.off import read_off
from pcea.formats.pcd import read_pcd
from pcea.formats.ply import read_ply
from pcea.formats.raw import Raw, validate
from pcea.formats.shape import Cloud, Mesh
from pcea.formats.stl import read_stl
from pcea.formats.table import read_npy, read_npz, read_rows

_READERS: dict[str, Callable[[Path], Raw]] = {
    ".off": read_off,
    ".obj": read_obj,
    ".ply": read_ply,
    ".stl": read_stl,
    ".glb": read_gltf,
    ".gltf": read_gltf,
    ".pcd": read_pcd,
    ".xyz": read_rows,
    ".txt": read_rows,
    ".pts": read_rows,
    ".csv": read_rows,
    ".asc": read_rows,
    ".npy": read_npy,
    ".npz": read_npz,
}

EXTENSIONS = tuple(_READERS)


def read(path: str | os.PathLike[str]) -> Mesh | Cloud:
    """Read a file by its extension.

    Positions keep the file's unit and axes. Polygons are cut into triangles, the parts of a scene
    put together at their places, textures left out. Vertices are neither merged nor reordered.

    Args:
        path: an OFF, OBJ, PLY, STL, GLB or glTF mesh; a PLY, OBJ, GLB, glTF or PCD cloud; text
            (XYZ, TXT, PTS, CSV, ASC), NPY or NPZ with a point a row: x y z [nx ny nz].

    Returns:
        A mesh if the file has faces, else a cloud.

    Raises:
        InputError: the file is missing, of another kind, damaged, or holds no usable shape.
    """
    path = Path(os.path.expanduser(path))
    reader = _READERS.get(path.suffix.lower())
    try:
        if path.is_dir():
            raise InputError(f"{path}: it is a folder, not a file")
        if not path.exists():
            raise InputError(f"{path}: there is no such file")
        if reader is None:
            what = f"files ending in {path.suffix!r}" if path.suffix else "files without an ending"
            raise InputError(f"{path}: {what} cannot be read (known: {' '.join(EXTENSIONS)})")
        if not path.is_file():
            raise InputError(f"{path}: it is not a regular file")
        if not path.stat().st_size:
            raise InputError(f"{path}: it is empty")
        with warnings.catch_warnings():
            # Whatever a reader has to say about a damaged file, the checks say better.
            warnings.simplefilter("ignore")
            raw = reader(path)
        return validate(raw, path)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror or error}") from error
    except Exception as error:  # what readers raise on a damaged file is theirs to choose
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path}: it cannot be read as {path.suffix[1:].upper()}, it may be damaged or renamed"
            f" ({reason})"
        ) from error
