"""Files that are plainly something else than their name says, called what they are."""

from __future__ import annotations

import re
from pathlib import Path

from pcea.errors import InputError

_LOOKED_AT = 1024

# What a file begins with, what it then is, and the endings it may have.
_KINDS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (rb"ply\s", "a PLY file", (".ply",)),
    (rb"#? ?\.PCD", "a PCD file", (".pcd",)),
    (rb"(ST)?C?N?4?OFF\s", "an OFF file", (".off",)),
    (rb"solid\b(?s:.*)\sfacet\s", "an STL file", (".stl",)),
    (
        rb"(#.*\n|\s)*((mtllib|o|g) .*\n\s*)*v\s+[-+.\d]+\s+[-+.\d]+\s+[-+.\d]",
        "an OBJ file",
        (".obj",),
    ),
    (rb"glTF", "a GLB file", (".glb", ".gltf")),
    (rb"LASF", "a LAS file", (".las", ".laz")),
    (rb"\x93NUMPY", "a NumPy array", (".npy",)),
    (rb"PK\x03\x04", "a zip archive: unpack it first", (".npz",)),
    (rb"\x1f\x8b", "compressed by gzip: add .gz to its name", ()),
    (rb"7z\xbc\xaf|Rar!|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", "a packed archive: unpack it first", ()),
    (rb"%PDF", "a PDF document", ()),
    (rb"\x89HDF", "an HDF5 file", ()),
)
_PAGE = re.compile(rb"\s*(<!doctype\s+html|<html|<head|<body)", re.IGNORECASE)
_XML = re.compile(rb"\s*<[?!a-zA-Z]")
_JSON = re.compile(rb'\s*\{\s*("|\})')
_MARK = b"\xef\xbb\xbf"


def refuse_other_content(path: Path, ending: str) -> None:
    """Raise an InputError where a file's first bytes prove that its ending is wrong."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT).removeprefix(_MARK).replace(b"\r", b"\n")
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path}: it is a Git LFS pointer: fetch the file with `git lfs pull`")
    if _PAGE.match(start):
        raise InputError(f"{path}: it is a web page, not the file: download it again")
    if _XML.match(start):
        raise InputError(f"{path}: it is XML, such as the error message of a server")
    if _JSON.match(start) and ending not in (".gltf", ".glb"):
        raise InputError(f"{path}: it is JSON, such as the error message of a server")
    for begins, what, endings in _KINDS:
        if re.match(begins, start) and ending not in endings:
            hint = f": name it {endings[0]}" if endings and ":" not in what else ""
            raise InputError(f"{path}: it is {what}{hint}")
