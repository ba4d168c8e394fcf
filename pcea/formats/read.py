"""Find a user's files, and read each as a mesh or a cloud, or raise one clear error."""

import glob
import gzip
import os
import re
import tempfile
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypeAlias

from pcea.errors import InputError
from pcea.formats.checked import naming
from pcea.formats.objects import raw_of
from pcea.formats.raw import FORMATS, Raw, validate
from pcea.formats.shape import Cloud, Mesh

_PACKED = ".gz"
# Limits against zip bombs. gzip's ratio is at most 1032, which only equal bytes reach.
_MOST, _MOST_FOLD, _ALWAYS = 4 << 30, 1000, 1 << 20

_POINTER = "a Git LFS pointer: fetch the file with `git lfs pull`"
_PAGE = "a web page, not the file: download it again"
_OBJ = rb"(#.*\n|\s)*((mtllib|o|g) .*\n\s*)*v\s+[-+.\d]+\s+[-+.\d]+\s+[-+.\d]"
# The beginning of a file, its kind, and the endings that it may have.
_KINDS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (rb"version https://git-lfs", _POINTER, ()),
    (rb"(?i)\s*(<!doctype\s+html|<html|<head|<body)", _PAGE, ()),
    (rb"\s*<[?!a-zA-Z]", "XML, such as the error message of a server", ()),
    (rb'\s*\{\s*("|\})', "JSON, such as the error message of a server", (".gltf", ".glb")),
    (rb"ply\s", "a PLY file", (".ply",)),
    (rb"#? ?\.PCD", "a PCD file", (".pcd",)),
    (rb"(ST)?C?N?4?OFF\s", "an OFF file", (".off",)),
    (rb"solid\b(?s:.*)\sfacet\s", "an STL file", (".stl",)),
    (_OBJ, "an OBJ file", (".obj",)),
    (rb"glTF", "a GLB file", (".glb", ".gltf")),
    (rb"LASF", "a LAS file", (".las", ".laz")),
    (rb"\x93NUMPY", "a NumPy array", (".npy",)),
    (rb"PK\x03\x04", "a zip archive: unpack it first", (".npz",)),
    (rb"\x1f\x8b", "compressed by gzip: add .gz to its name", ()),
    (rb"7z\xbc\xaf|Rar!|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", "a packed archive: unpack it first", ()),
    (rb"%PDF", "a PDF document", ()),
    (rb"\x89HDF", "an HDF5 file", ()),
)
ShapeLike: TypeAlias = object
"""Anything that :func:`as_shape` takes."""


def endings() -> list[str]:
    """List the endings of the files that can be read, such as ``.ply`` and ``.ply.gz``."""
    return [f".{name}{packed}" for packed in ("", _PACKED) for name in FORMATS.names()]


def can_read(path: str | os.PathLike[str]) -> bool:
    """Tell from its ending whether a file can be read."""
    return _ending(Path(path))[0].removeprefix(".") in FORMATS


def _ending(path: Path) -> tuple[str, str]:
    """Split off the ending of a file's name, in small letters: ``.ply``, and ``.gz`` or ""."""
    packed = _PACKED if path.suffix.lower() == _PACKED else ""
    return (path.with_suffix("") if packed else path).suffix.lower(), packed


def _known() -> str:
    names = " ".join(f".{name}" for name in FORMATS.names())
    return f"known: {names}, and each of them with {_PACKED}"


def expand(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List the files of paths, folders (without their sub-folders) and globs, each once.

    They keep the given order; those of a folder or glob are sorted by name. In a glob, ``**`` goes
    through sub-folders. An entry without any file is an InputError.
    """
    found: dict[Path, None] = {}
    for entry in paths:
        if not os.fspath(entry).strip():
            raise InputError("a file's name is empty: name a file, a folder or a glob")
        try:
            found |= dict.fromkeys(_expand_one(Path(os.path.expanduser(entry))))
        except OSError as error:
            raise InputError(f"{entry}: it cannot be read: {error.strerror or error}") from error
    if not found:
        raise InputError("no files given: name a file, a folder or a glob")
    return list(found)


def _expand_one(entry: Path) -> list[Path]:
    if entry.is_dir():
        among: Iterable[Path] = entry.iterdir()
        without = "nothing in this folder can be read"
    elif entry.exists():
        return [entry]
    elif glob.has_magic(str(entry)):
        # Existing folders are split off: a bracket in their names is no glob.
        root, parts = Path(entry.anchor), list(entry.relative_to(entry.anchor).parts)
        while parts and (root / parts[0]).exists():
            root /= parts.pop(0)
        matches = glob.iglob(str(Path(*parts)), root_dir=root, recursive=True)
        among = (root / match for match in matches)
        without = "it matches no file that can be read"
    else:
        raise InputError(f"{entry}: there is no such file or folder")
    # Hidden files are left out: macOS puts "._chair.obj" beside "chair.obj".
    readable = (path for path in among if can_read(path) and not path.name.startswith("."))
    files = sorted(path for path in readable if path.is_file())
    if not files:
        raise InputError(f"{entry}: {without} ({_known()})")
    return files


def as_shape(thing: ShapeLike) -> Mesh | Cloud:
    """Convert anything that holds a shape to a mesh or a cloud.

    Every function that takes a shape calls this. An object's content is checked like a file's:
    points without a position are left out, and an offset is subtracted from map coordinates.
    Vertex colors, normals and the name are kept.

    Args:
        thing: a file's path; a :class:`Cloud` or :class:`Mesh`, which is returned unchanged; a
            NumPy array or a tensor, (N, 3) of positions or (N, 6) with unit normals; a PyG ``Data``
            (``pos``, and if it has them ``normal``, unit normals as ``x``, ``color`` and ``face``;
            never ``y``); a trimesh ``Trimesh``, ``PointCloud`` or ``Scene``; an Open3D
            ``PointCloud`` or ``TriangleMesh``, legacy or of tensors.

    Returns:
        A mesh if there are faces, else a cloud, on the CPU; a given one stays on its device.

    Raises:
        InputError: the object is none of these, or holds no usable shape.
    """
    if isinstance(thing, (Cloud, Mesh)):
        return thing
    if isinstance(thing, (str, os.PathLike)):
        return _read_file(Path(os.path.expanduser(thing)))
    raw, name = raw_of(thing)
    with naming(f"the {type(thing).__name__}"):
        return validate(raw, name)


def read(path: ShapeLike) -> Mesh | Cloud:
    """Read a file as a mesh if it has faces, else as a cloud; its ending decides on the format.

    Positions keep the file's unit and axes. Polygons are cut into triangles, the parts of a scene
    are joined at their places, textures are left out. Vertices are neither merged nor reordered.

    Args:
        path: an OFF, OBJ, PLY, STL, GLB or glTF mesh; a PLY, OBJ, GLB, glTF, PCD, LAS or LAZ
            cloud; text (XYZ, XYZN, XYZRGB, TXT, PTS, CSV, TSV, ASC, DAT) or NPY with one row per
            point; NPZ; each also with ``.gz`` after its ending. Or what :func:`as_shape` takes.

    Raises:
        InputError: the file is missing, of another kind, damaged, or holds no usable shape.
    """
    return as_shape(path)


def _read_file(path: Path) -> Mesh | Cloud:
    ending, packed = _ending(path)
    with naming(path):
        try:
            if path.is_dir():
                raise InputError("it is a folder, not a file")
            if not path.exists():
                raise InputError("there is no such file")
            if not can_read(path):
                what = f"ending in {ending + packed!r}" if ending else "without an ending"
                raise InputError(f"files {what} cannot be read ({_known()})")
            if not path.is_file():
                raise InputError("it is not a regular file")
            if not path.stat().st_size:
                raise InputError("it is empty")
            with _unpacked(path) if packed else nullcontext(path) as plain:
                _refuse_other_content(plain, ending)
                return validate(_raw_of_file(plain, ending), plain.stem)
        except OSError as error:
            raise InputError(f"it cannot be read: {error.strerror or error}") from error


def _raw_of_file(path: Path, ending: str) -> Raw:
    try:
        with warnings.catch_warnings():
            # The checks of this package report damaged files more clearly than these warnings.
            warnings.simplefilter("ignore")
            return FORMATS.get(ending[1:])(path)
    except (InputError, OSError):
        raise
    except Exception as error:  # a reader may raise any error on a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if isinstance(error, KeyError):
            reason += " is missing or unknown"
        raise InputError(
            f"it cannot be read as {ending[1:].upper()}, it may be damaged or renamed"
            f" ({reason}): save or download it again"
        ) from error


def _refuse_other_content(path: Path, ending: str) -> None:
    """Raise an InputError if the first bytes show that the file's ending is wrong."""
    with path.open("rb") as file:
        start = file.read(1024).removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n")
    for begins, what, endings in _KINDS:
        if ending not in endings and re.match(begins, start):
            hint = f": name it {endings[0]}" if endings and not re.search("[:,]", what) else ""
            raise InputError(f"it is {what}{hint}")


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Unpack a file into a temporary folder."""
    most = min(_MOST, max(_ALWAYS, _MOST_FOLD * path.stat().st_size))
    try:
        with gzip.open(path) as packed:
            data = packed.read(most + 1)
    except gzip.BadGzipFile as error:
        raise InputError("it is not compressed by gzip, or damaged: is it renamed?") from error
    except (EOFError, zlib.error) as error:
        raise InputError("it is truncated or damaged, and cannot be unpacked") from error
    if len(data) > most:
        raise InputError(
            f"it unpacks to more than {most >> 20} MiB, which no shape of its size does:"
            " unpack it yourself if you trust it"
        )
    if not data:
        raise InputError("it is empty")
    with tempfile.TemporaryDirectory(prefix="pcea-") as folder:
        plain = Path(folder, path.stem)
        plain.write_bytes(data)
        del data
        yield plain
