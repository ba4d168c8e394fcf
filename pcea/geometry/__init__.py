"""Point geometry: batched, on any device, deterministic."""

from pcea.geometry.carry import SurfaceCarrier, carry_to_points, carry_to_vertices
from pcea.geometry.estimated_normals import estimate_normals
from pcea.geometry.hilbert import hilbert_order
from pcea.geometry.kmeans import kmeans
from pcea.geometry.labels import carry_to_faces, smooth_labels
from pcea.geometry.neighbors import gather, knn, squared_distances, three_interpolate
from pcea.geometry.normal_sides import opposite_sides
from pcea.geometry.normalize import outward, unit_sphere
from pcea.geometry.quantile import quantile
from pcea.geometry.sampling import farthest_point_sample
from pcea.geometry.strays import isolated_points, leave_out
from pcea.geometry.surface import face_areas, sample_surface
from pcea.geometry.upright import UP_AXES, upright, upright_turns, view_direction

__all__ = [
    "UP_AXES",
    "SurfaceCarrier",
    "carry_to_faces",
    "carry_to_points",
    "carry_to_vertices",
    "estimate_normals",
    "face_areas",
    "farthest_point_sample",
    "gather",
    "hilbert_order",
    "isolated_points",
    "kmeans",
    "knn",
    "leave_out",
    "opposite_sides",
    "outward",
    "quantile",
    "sample_surface",
    "smooth_labels",
    "squared_distances",
    "three_interpolate",
    "unit_sphere",
    "upright",
    "upright_turns",
    "view_direction",
]
