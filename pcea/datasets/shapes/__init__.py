"""Procedural objects with named parts: a data set that needs no download."""

from pcea.datasets.shapes.catalog import CATEGORIES, PARTS, PARTS_OF, PartMesh, build
from pcea.datasets.shapes.sampling import sample_shapes

__all__ = ["CATEGORIES", "PARTS", "PARTS_OF", "PartMesh", "build", "sample_shapes"]
