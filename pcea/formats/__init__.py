"""Read a user's file as a mesh or a cloud, and write files, each completely or not at all."""

from importlib import import_module

from pcea.formats.raw import Raw, register_format
from pcea.formats.read import ShapeLike, as_shape, can_read, endings, expand, read
from pcea.formats.shape import Cloud, Mesh
from pcea.formats.write import replacing, write_glb, write_json, write_npz, write_ply

__all__ = [
    "Cloud",
    "Mesh",
    "Raw",
    "ShapeLike",
    "as_shape",
    "can_read",
    "endings",
    "expand",
    "read",
    "register_format",
    "replacing",
    "write_glb",
    "write_json",
    "write_npz",
    "write_ply",
]

import_module("pcea.formats.readers")  # registers each reader
