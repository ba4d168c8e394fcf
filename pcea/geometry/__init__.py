"""Point geometry in plain torch: batched, on any device, deterministic."""

from pcea.geometry.interpolation import three_interpolate
from pcea.geometry.neighbors import gather, knn, squared_distances
from pcea.geometry.normalize import unit_sphere
from pcea.geometry.sampling import farthest_point_sample

__all__ = [
    "farthest_point_sample",
    "gather",
    "knn",
    "squared_distances",
    "three_interpolate",
    "unit_sphere",
]
