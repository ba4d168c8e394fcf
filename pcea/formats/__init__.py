"""Files: a user's shape comes in as a mesh or a cloud, results go out whole or not at all."""

from pcea.formats.files import expand
from pcea.formats.glb import write_glb
from pcea.formats.open3d import import_open3d
from pcea.formats.read import EXTENSIONS, ShapeLike, as_shape, read
from pcea.formats.shape import Cloud, Mesh
from pcea.formats.write import replacing, write_npz, write_ply

__all__ = [
    "EXTENSIONS",
    "Cloud",
    "Mesh",
    "ShapeLike",
    "as_shape",
    "expand",
    "import_open3d",
    "read",
    "replacing",
    "write_glb",
    "write_npz",
    "write_ply",
]
