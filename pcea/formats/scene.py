"""STL through trimesh: every solid, its corners unmerged."""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pcea.errors import InputError
from pcea.formats.raw import Raw


def read_stl(path: Path) -> Raw:
    """Read a binary or text STL file; its corners stay unmerged, three a face."""
    data = path.read_bytes()
    size = 84 + 50 * struct.unpack_from("<I", data, 80)[0] if len(data) >= 84 else None
    if size != len(data):
        if data.lstrip()[:5].lower() != b"solid":
            promise = "has no whole header" if size is None else f"announces {size} bytes"
            raise InputError(
                f"{path}: it is no STL or truncated: it {promise} and holds {len(data)} bytes"
            )
        text = data.lower()
        if b"endsolid" not in text[max(text.rfind(b"endfacet"), 0) :]:
            raise InputError(f"{path}: it is truncated: its last solid has no 'endsolid'")
    return _read(path)


def _read(path: Path) -> Raw:
    try:
        import trimesh
    except ImportError:
        raise InputError(f"{path}: reading it needs trimesh: pip install trimesh") from None
    try:
        with _quiet() as complaints:
            scene = trimesh.load_scene(
                path, file_type=path.suffix[1:].lower(), process=False, skip_materials=True
            )
    except OSError as error:
        raise InputError(f"{path}: it refers to a file that cannot be read ({error})") from error
    undecoded = [text for text in complaints if "didn't decode" in text]
    if undecoded:
        raise InputError(f"{path}: {undecoded[0]}: save it without compression")

    pos, faces, points, colors = [], [], [], []
    total = 0
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        part = scene.geometry[name]
        placed = trimesh.transform_points(part.vertices, transform)  # (V, 3)
        if isinstance(part, trimesh.Trimesh):
            faces.append(np.asarray(part.faces) + total)
            pos.append(placed)
            total += len(placed)
        elif isinstance(part, trimesh.PointCloud):
            points.append(placed)
            colors.append(np.asarray(part.colors).reshape(-1, 4)[:, :3])
    if faces:
        return Raw(pos=np.concatenate(pos), faces=np.concatenate(faces))
    if not points:
        raise InputError(f"{path}: it holds no faces and no points")
    cloud, color = np.concatenate(points), np.concatenate(colors)
    return Raw(pos=cloud, color=color if len(color) == len(cloud) else None)


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Keep trimesh's log off the screen, and hand it over."""
    complaints: list[str] = []
    logger, handler = logging.getLogger("trimesh"), logging.Handler(logging.WARNING)
    handler.emit = lambda record: complaints.append(record.getMessage())  # type: ignore[method-assign]
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            # older numpy's way to say that it stopped in the middle of a text
            warnings.filterwarnings("error", message="string or file could not be read")
            yield complaints
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
