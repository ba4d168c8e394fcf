"""A user's file becomes a mesh or a cloud, or one clear error."""

from __future__ import annotations

import gzip
import os
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from pcea.errors import InputError
from pcea.formats.objects import raw_of
from pcea.formats.raw import validate
from pcea.formats.registry import FORMATS
from pcea.formats.shape import Cloud, Mesh
from pcea.formats.sniff import refuse_other_content

_PACKED = ".gz"
# A bomb is stopped: gzip reaches at most 1032, and only on bytes that are all the same.
_MOST, _MOST_FOLD, _ALWAYS = 4 << 30, 1000, 1 << 20


def endings() -> list[str]:
    """List the endings of the files that can be read, such as ``.ply`` and ``.ply.gz``."""
    known = [f".{name}" for name in FORMATS.names()]
    return [*known, *(name + _PACKED for name in known)]


def can_read(path: str | os.PathLike[str]) -> bool:
    """Tell by its ending whether a file can be read."""
    return ending_of(Path(path)).removesuffix(_PACKED).removeprefix(".") in FORMATS


def ending_of(path: Path) -> str:
    """Give what a file's name ends in, in small letters: ``.ply``, or ``.ply.gz``."""
    packed = path.suffix.lower() == _PACKED
    return path.with_suffix("").suffix.lower() + _PACKED if packed else path.suffix.lower()


def known_endings() -> str:
    """Say which endings can be read, for a message."""
    names = " ".join(f".{name}" for name in FORMATS.names())
    return f"known: {names}, and each of them with {_PACKED}"


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
        if not can_read(path):
            what = f"files ending in {ending!r}" if ending else "files without an ending"
            raise InputError(f"{path}: {what} cannot be read ({known_endings()})")
        if not path.is_file():
            raise InputError(f"{path}: it is not a regular file")
        if not path.stat().st_size:
            raise InputError(f"{path}: it is empty")
        with _unpacked(path) as plain:
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
            raw = FORMATS.get(ending[1:])(path)
        return validate(raw, path)
    except (InputError, OSError):
        raise
    except Exception as error:  # what readers raise on a damaged file is theirs to choose
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if isinstance(error, KeyError):
            reason += " is missing or unknown"
        raise InputError(
            f"{path}: it cannot be read as {ending[1:].upper()}, it may be damaged or renamed"
            f" ({reason}): save or download it again"
        ) from error


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Give a file as its readers want it: one that ends in ``.gz`` is unpacked for a while."""
    if path.suffix.lower() != _PACKED:
        yield path
        return
    most = min(_MOST, max(_ALWAYS, _MOST_FOLD * path.stat().st_size))
    try:
        with gzip.open(path) as packed:
            data = packed.read(most + 1)
    except gzip.BadGzipFile as error:
        raise InputError(
            f"{path}: it is not compressed by gzip, or damaged: is it renamed?"
        ) from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path}: it is truncated or damaged, and cannot be unpacked") from error
    if len(data) > most:
        raise InputError(
            f"{path}: it unpacks to more than {most >> 20} MiB, which no shape of its size does:"
            " unpack it yourself if you trust it"
        )
    if not data:
        raise InputError(f"{path}: it is empty")
    with tempfile.TemporaryDirectory(prefix="pcea-") as folder:
        plain = Path(folder, path.stem)
        plain.write_bytes(data)
        del data
        yield plain
