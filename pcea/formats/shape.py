"""What a file holds: a cloud of points or a mesh of triangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.checked import as_colors, as_indices, as_normals, as_positions, as_tensor
from pcea.geometry.carry import carry_to_points, carry_to_vertices
from pcea.geometry.surface import sample_surface
from pcea.geometry.upright import upright


def no_offset() -> Tensor:
    """The offset of a shape whose coordinates are its file's: (3,) float64 zeros."""
    return torch.zeros(3, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points, and what is known at each of them.

    Tensors or arrays of any real type will do: what is given is checked, and kept in the types
    below.

    Args:
        pos: (N, 3) float32 positions, in the file's own unit and axes, less the offset. Of
            float64 far from zero, an offset is taken off.
        normal: (N, 3) float32 unit normals, zero where unknown; default: none.
        color: (N, 3) uint8 red, green, blue, 0 to 255; default: none.
        name: what to call the cloud; a file's name without its ending.
        face: (N,) int64 the face of the mesh that each point was drawn from; default: none.
        offset: (3,) float64 what to add to ``pos`` for the file's own coordinates: map
            coordinates need more digits than float32 has. Default: 0.
        row: (N,) int64 which of the file's points each is, counted from 0; default: all of them,
            in their order.
        notes: what a person should know of how the file was read, a sentence each.

    Raises:
        InputError: a shape, a type or a device does not fit, or a position is NaN or infinite.
    """

    pos: Tensor
    normal: Tensor | None = None
    color: Tensor | None = None
    name: str = ""
    face: Tensor | None = None
    offset: Tensor = field(default_factory=no_offset)
    row: Tensor | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _keep_positions(self, "pos")
        pos = self.pos
        for name in ("face", "row"):
            if getattr(self, name) is not None:
                kept = as_indices(getattr(self, name), pos, (len(pos),), f"{name} of the cloud")
                object.__setattr__(self, name, kept)

    @property
    def file_pos(self) -> Tensor:
        """(N, 3) positions in the file's own coordinates: float64 where there is an offset."""
        return _in_file(self.pos, self.offset)

    def __len__(self) -> int:
        """Count the points."""
        return len(self.pos)

    def __repr__(self) -> str:
        return _described(self, f"{len(self.pos):,} points")

    def sample(self, num: int, seed: int = 0) -> Cloud:
        """Change the number of points.

        Args:
            num: how many points to return, at least 1. Of more points, a random subset is taken;
                fewer points come once each, followed by random repeats.
            seed: the same seed chooses the same points. Default: 0.

        Returns:
            A cloud of exactly ``num`` points.

        Raises:
            InputError: ``num`` is below 1, or there are no points.
        """
        if num < 1:
            raise InputError(f"cannot sample {num} points from {self.name!r}: ask for at least 1")
        if not len(self):
            raise InputError(f"cannot sample {self.name or 'the cloud'}: it has no points")
        generator = torch.Generator().manual_seed(seed)
        if num < len(self):
            index = torch.randperm(len(self), generator=generator)[:num]
        else:
            repeats = torch.randint(len(self), (num - len(self),), generator=generator)
            index = torch.cat((torch.arange(len(self)), repeats))
        return self.select(index.to(self.pos.device))

    def select(self, index: Tensor) -> Cloud:
        """Take some of the points.

        Args:
            index: (num,) int64 which ones, or (N,) bool.

        Returns:
            A cloud of those, in that order.
        """
        return replace(
            self,
            pos=self.pos[index],
            normal=None if self.normal is None else self.normal[index],
            color=None if self.color is None else self.color[index],
            face=None if self.face is None else self.face[index],
            row=None if self.row is None else self.row[index],
        )

    @staticmethod
    def join(clouds: Sequence[Cloud]) -> Cloud:
        """Put clouds together, one after the other.

        Args:
            clouds: at least one; what is not known at the points of all is left out.

        Returns:
            One cloud, with the name, the offset and the notes of the first.

        Raises:
            InputError: there are no clouds.
        """
        if not clouds:
            raise InputError("there are no clouds to join")
        offset = clouds[0].offset

        def joined(values: list[Tensor | None]) -> Tensor | None:
            known = [each for each in values if each is not None]
            return torch.cat(known) if len(known) == len(values) else None

        return Cloud(
            pos=torch.cat([_moved(each, offset) for each in clouds]),
            normal=joined([each.normal for each in clouds]),
            color=joined([each.color for each in clouds]),
            name=clouds[0].name,
            face=joined([each.face for each in clouds]),
            offset=offset,
            row=joined([each.row for each in clouds]),
            notes=clouds[0].notes,
        )

    def upright(self, up: str) -> Cloud:
        """Turn the cloud so that its up axis becomes y.

        Args:
            up: the axis that points up in it, one of :data:`pcea.geometry.UP_AXES`.

        Raises:
            InputError: there is no such axis.
        """
        return replace(self, pos=upright(self.pos, up), **_turned(self, up))

    def carry_back(self, sample: Cloud, values: Tensor) -> Tensor:
        """Bring values at some of the points to all of them.

        Args:
            sample: P points of this cloud, or near it.
            values: (P, C) what is known at them.

        Returns:
            (N, C) float32 values on the CPU: means of the three nearest points', weighted by
            inverse squared distance.

        Raises:
            InputError: the shapes do not fit, or there are no points.
        """
        return carry_to_points(self.pos, sample.pos, values)


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles over shared vertices.

    Tensors or arrays of any real type will do: what is given is checked, and kept in the types
    below.

    Args:
        vertices: (V, 3) float32 positions, in the file's own unit and axes, less the offset. Of
            float64 far from zero, an offset is taken off.
        faces: (F, 3) int64 vertex indices; polygons have been cut into triangles.
        name: what to call the mesh; a file's name without its ending.
        normal: (V, 3) float32 unit normals of the file, zero where unknown; default: none.
        color: (V, 3) uint8 red, green, blue, 0 to 255; default: none.
        offset: (3,) float64 what to add to ``vertices`` for the file's own coordinates.
            Default: 0.
        row: (V,) int64 which of the file's vertices each is, counted from 0; default: all of
            them, in their order.
        notes: what a person should know of how the file was read, a sentence each.

    Raises:
        InputError: a shape, a type or a device does not fit, a position is NaN or infinite, or a
            face refers to no vertex.
    """

    vertices: Tensor
    faces: Tensor
    name: str = ""
    normal: Tensor | None = None
    color: Tensor | None = None
    offset: Tensor = field(default_factory=no_offset)
    row: Tensor | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _keep_positions(self, "vertices")
        vertices = self.vertices
        faces = as_indices(self.faces, vertices, (None, 3), "faces of the mesh")
        object.__setattr__(self, "faces", faces)
        low, high = (int(faces.min()), int(faces.max())) if len(faces) else (0, -1)
        if low < 0 or high >= len(vertices):
            wrong = low if low < 0 else high
            raise InputError(
                f"a face refers to vertex {wrong} (counted from 0), but there are "
                f"{len(vertices)} vertices"
            )
        if self.row is not None:
            row = as_indices(self.row, vertices, (len(vertices),), "row of the mesh")
            object.__setattr__(self, "row", row)

    @property
    def file_pos(self) -> Tensor:
        """(V, 3) vertices in the file's own coordinates: float64 where there is an offset."""
        return _in_file(self.vertices, self.offset)

    def __repr__(self) -> str:
        return _described(self, f"{len(self.vertices):,} vertices", f"{len(self.faces):,} faces")

    def sample(self, num: int, seed: int = 0) -> Cloud:
        """Draw points uniformly by area, each with the normal of its face.

        Args:
            num: how many points to draw, at least 1.
            seed: the same seed draws the same points. Default: 0.

        Returns:
            A cloud of exactly ``num`` points with their normals and faces.

        Raises:
            InputError: ``num`` is below 1, or no face has an area.
        """
        generator = torch.Generator(self.vertices.device).manual_seed(seed)
        pos, normal, face = sample_surface(self.vertices, self.faces, num, generator)
        return Cloud(
            *(pos, normal), name=self.name, face=face, offset=self.offset, notes=self.notes
        )

    def upright(self, up: str) -> Mesh:
        """Turn the mesh so that its up axis becomes y.

        Args:
            up: the axis that points up in it, one of :data:`pcea.geometry.UP_AXES`.

        Raises:
            InputError: there is no such axis.
        """
        return replace(self, vertices=upright(self.vertices, up), **_turned(self, up))

    def carry_back(self, sample: Cloud, values: Tensor) -> Tensor:
        """Bring values at points on the surface to the vertices, along the surface.

        Args:
            sample: P points that :meth:`sample` gave; they know their faces.
            values: (P, C) what is known at them.

        Returns:
            (V, C) float32 values on the CPU; see :func:`pcea.geometry.carry_to_vertices`.

        Raises:
            InputError: the shapes do not fit, or the points know no faces.
        """
        if sample.face is None:
            raise InputError("values cannot be carried back to a mesh from points without faces")
        return carry_to_vertices(self.vertices, self.faces, sample.pos, sample.face, values)


def _described(shape: Cloud | Mesh, *counts: str) -> str:
    words = [repr(shape.name)] if shape.name else []
    words += counts
    words += [f"{name}s" for name in ("normal", "color") if getattr(shape, name) is not None]
    if shape.offset.any():
        words.append(f"offset ({', '.join(f'{value:,.10g}' for value in shape.offset.tolist())})")
    device = shape.faces.device if isinstance(shape, Mesh) else shape.pos.device
    words += [f"on {device}"] if device.type != "cpu" else []
    return f"{type(shape).__name__}({', '.join(words)})"


def _in_file(pos: Tensor, offset: Tensor) -> Tensor:
    return pos.double() + offset.to(pos.device) if offset.any() else pos


def _moved(cloud: Cloud, offset: Tensor) -> Tensor:
    """(N, 3) float32 positions less another offset."""
    if torch.equal(cloud.offset, offset):
        return cloud.pos
    return (cloud.file_pos.double() - offset.to(cloud.pos.device)).float()


def _turned(shape: Cloud | Mesh, up: str) -> dict[str, Any]:
    normal = None if shape.normal is None else upright(shape.normal, up)
    return {"normal": normal, "offset": upright(shape.offset, up)}


def _keep_positions(shape: Cloud | Mesh, where: str) -> None:
    """Check positions and what lies beside them, and keep them in their own types."""
    kind = type(shape).__name__.lower()
    pos, taken = as_positions(getattr(shape, where), f"{where} of the {kind}")
    offset = as_tensor(shape.offset, f"offset of the {kind}").detach().cpu().double()
    if offset.shape != (3,) or not offset.isfinite().all():
        raise InputError(f"offset of the {kind} must be 3 finite numbers")
    found = {where: pos, "offset": offset + taken.cpu()}
    if shape.normal is not None:
        found["normal"] = as_normals(shape.normal, pos, f"normal of the {kind}")
    if shape.color is not None:
        found["color"] = as_colors(shape.color, pos, f"color of the {kind}")
    for name, value in found.items():
        object.__setattr__(shape, name, value)
