"""LAS and LAZ: clouds from laser scanners."""

from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Raw, register_format

_HOW = "pip install 'laspy[lazrs]'"


@register_format("las", "laz")
def read_las(path: Path) -> Raw:
    """Read float64 positions and 16-bit colors; classes and returns are left out."""
    try:
        import laspy
    except ModuleNotFoundError as error:
        raise InputError(f"LAS and LAZ are read by laspy: {_HOW}") from error
    with laspy.open(path) as file:
        if file.header.are_points_compressed and not laspy.LazBackend.detect_available():
            raise InputError(f"packed points need lazrs: {_HOW}")
        points = file.read()
        announced = file.header.point_count
    if len(points) < announced:
        what = f"it announces {announced} points and ends after {len(points)}"
        raise InputError(f"it is truncated: {what}: save or download it again")
    color = None
    if {"red", "green", "blue"} <= set(points.point_format.dimension_names):
        color = np.stack([points.red, points.green, points.blue], axis=1)
    # Programs without colors leave the color fields of the point format at zero.
    return Raw(np.asarray(points.xyz), color=color if color is not None and color.any() else None)
