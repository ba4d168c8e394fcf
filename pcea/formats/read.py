"""A user's file becomes a mesh or a cloud, or one clear error."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from pcea.errors import InputError
from pcea.formats import compressed
from pcea.formats.gltf import read_gltf
from pcea.formats.obj import read_obj
from pcea.formats.objects import raw_of
from pcea.formats.off import read_off
from pcea.formats.pcd import read_pcd
from pcea.formats.ply import read_ply
from pcea.formats.raw import Raw, validate
from pcea.formats.shape import Cloud, Mesh
from pcea.formats.sniff import refuse_other_content
from pcea.formats.stl import read_stl
from pcea.formats.tables.las import read_las
from pcea.formats.tables.numpy_files import read_npy, read_npz
from pcea.formats.tables.text import read_rows

_READERS: dict[str, Callable[[Path], Raw]] = {
    ".off": read_off,
    ".obj": read_obj,
    ".ply": read_ply,
    ".stl": read_stl,
    ".glb": read_gltf,
    ".gltf": read_gltf,
    ".pcd": read_pcd,
    ".xyz": read_rows,
    ".xyzn": read_rows,
    ".xyzrgb": read_rows,
    ".txt": read_rows,
    ".pts": read_rows,
    ".csv": read_rows,
    ".tsv": read_rows,
    ".asc": read_rows,
    ".dat": read_rows,
    ".npy": read_npy,
    ".npz": read_npz,
    ".las": read_las,
    ".laz": read_las,
}

EXTENSIONS = (*_READERS, *(ending + compressed.ENDING for ending in _READERS))


def ending_of(path: Path) -> str:
    """Give what a file's name ends in, in small letters: ``.ply``, or ``.ply.gz``."""
    packed = path.suffix.lower() == compressed.ENDING
    return (
        path.with_suffix("").suffix.lower() + compressed.ENDING if packed else path.suffix.lower()
    )


def known_endings() -> str:
    """Say which endings can be read, for a message."""
    return f"known: {' '.join(_READERS)}, and each of them with {compressed.ENDING}"


ShapeLike: TypeAlias = object
"""Whatever :func:`as_shape` takes."""


def as_shape(thing: ShapeLike) -> Mesh | Cloud:
    """Take whatever holds a shape as a mesh or a cloud; everything that takes shapes calls this.

    The content of an object is checked and kept as that of a file is: points without a position
    are left out, an offset is taken off map coordinates, vertex colors, normals and the name stay.

    Args:
        thing: a file's path; a :class:`Cloud` or :class:`Mesh`, which comes back itself; a NumPy
            array or a tensor, (N, 3) of positions or (N, 6) of positions and unit normals; a PyG
            ``Data`` (``pos``, and where it has them ``normal``, unit normals as ``x``, ``color``
            and ``face``; never ``y``); a trimesh ``Trimesh``, ``PointCloud`` or ``Scene``; an
            Open3D ``PointCloud`` or ``TriangleMesh``, legacy or of tensors.

    Returns:
        A mesh where there are faces, else a cloud; on the CPU, unless it came as one.

    Raises:
        InputError: it is none of these, or holds no usable shape.
    """
    if isinstance(thing, (Cloud, Mesh)):
        return thing
    if isinstance(thing, (str, os.PathLike)):
        return _read_file(Path(os.path.expanduser(thing)))
    raw, name = raw_of(thing)
    return validate(raw, f"the {type(thing).__name__}", name)


def read(path: ShapeLike) -> Mesh | Cloud:
    """Read a file by its extension.

    Positions keep the file's unit and axes. Polygons are cut into triangles, the parts of a scene
    put together at their places, textures left out. Vertices are neither merged nor reordered.

    Args:
        path: an OFF, OBJ, PLY, STL, GLB or glTF mesh; a PLY, OBJ, GLB, glTF, PCD, LAS or LAZ
            cloud; text (XYZ, XYZN, XYZRGB, TXT, PTS, CSV, TSV, ASC, DAT) or NPY with a point a
            row; NPZ. Each of them also compressed by gzip, with ``.gz`` after its ending. Or
            an object that is in memory already: see :func:`as_shape`.

    Returns:
        A mesh if there are faces, else a cloud.

    Raises:
        InputError: the file is missing, of another kind, damaged, or holds no usable shape.
    """
    return as_shape(path)


def _read_file(path: Path) -> Mesh | Cloud:
    ending = ending_of(path)
    try:
        if path.is_dir():
            raise InputError(f"{path}: it is a folder, not a file")
        if not path.exists():
            raise InputError(f"{path}: there is no such file")
        if ending not in EXTENSIONS:
            what = f"files ending in {ending!r}" if ending else "files without an ending"
            raise InputError(f"{path}: {what} cannot be read ({known_endings()})")
        if not path.is_file():
            raise InputError(f"{path}: it is not a regular file")
        if not path.stat().st_size:
            raise InputError(f"{path}: it is empty")
        with compressed.unpacked(path) as plain:
            try:
                return _read_plain(plain)
            except InputError as error:
                # The user knows the packed file, not where it was unpacked.
                raise InputError(str(error).replace(str(plain), str(path))) from error
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror or error}") from error


def _read_plain(path: Path) -> Mesh | Cloud:
    ending = ending_of(path)
    refuse_other_content(path, ending)
    try:
        with warnings.catch_warnings():
            # Whatever a reader has to say about a damaged file, the checks say better.
            warnings.simplefilter("ignore")
            raw = _READERS[ending](path)
        return validate(raw, path)
    except (InputError, OSError):
        raise
    except Exception as error:  # what readers raise on a damaged file is theirs to choose
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path}: it cannot be read as {ending[1:].upper()}, it may be damaged or renamed"
            f" ({reason})"
        ) from error
