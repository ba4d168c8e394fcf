"""What a file holds: a cloud of points or a mesh of triangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.geometry.carry import carry_to_points, carry_to_vertices
from pcea.geometry.surface import sample_surface
from pcea.geometry.upright import upright


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points, and what is known at each of them.

    Args:
        pos: (N, 3) float32 positions, in the file's own unit and axes.
        normal: (N, 3) float32 unit normals, zero where unknown; default: none.
        color: (N, 3) uint8 red, green, blue, 0 to 255; default: none.
        name: what to call the cloud; a file's name without its ending.
        face: (N,) int64 the face of the mesh that each point was drawn from; default: none.
    """

    pos: Tensor
    normal: Tensor | None = None
    color: Tensor | None = None
    name: str = ""
    face: Tensor | None = None

    def __len__(self) -> int:
        """Count the points."""
        return len(self.pos)

    def sample(self, num: int, seed: int = 0) -> Cloud:
        """Change the number of points.

        Args:
            num: how many points to return, at least 1. Of more points, a random subset is taken;
                fewer points come once each, followed by random repeats.
            seed: the same seed chooses the same points. Default: 0.

        Returns:
            A cloud of exactly ``num`` points.

        Raises:
            InputError: ``num`` is below 1.
        """
        if num < 1:
            raise InputError(f"cannot sample {num} points from {self.name!r}: ask for at least 1")
        generator = torch.Generator().manual_seed(seed)
        if num < len(self):
            index = torch.randperm(len(self), generator=generator)[:num]
        else:
            repeats = torch.randint(len(self), (num - len(self),), generator=generator)
            index = torch.cat((torch.arange(len(self)), repeats))
        index = index.to(self.pos.device)
        return Cloud(
            pos=self.pos[index],  # (num, 3)
            normal=None if self.normal is None else self.normal[index],
            color=None if self.color is None else self.color[index],
            name=self.name,
            face=None if self.face is None else self.face[index],
        )

    @staticmethod
    def join(clouds: Sequence[Cloud]) -> Cloud:
        """Put clouds together, one after the other.

        Args:
            clouds: at least one; what is not known at the points of all is left out.

        Returns:
            One cloud, named as the first.
        """

        def joined(values: list[Tensor | None]) -> Tensor | None:
            known = [each for each in values if each is not None]
            return torch.cat(known) if len(known) == len(values) else None

        return Cloud(
            pos=torch.cat([each.pos for each in clouds]),
            normal=joined([each.normal for each in clouds]),
            color=joined([each.color for each in clouds]),
            name=clouds[0].name,
            face=joined([each.face for each in clouds]),
        )

    def upright(self, up: str) -> Cloud:
        """Turn the cloud so that its up axis becomes y.

        Args:
            up: the axis that points up in it, one of :data:`pcea.geometry.UP_AXES`.

        Raises:
            InputError: there is no such axis.
        """
        normal = None if self.normal is None else upright(self.normal, up)
        return replace(self, pos=upright(self.pos, up), normal=normal)

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

    Args:
        vertices: (V, 3) float32 positions, in the file's own unit and axes.
        faces: (F, 3) int64 vertex indices; polygons have been cut into triangles.
        name: what to call the mesh; a file's name without its ending.
    """

    vertices: Tensor
    faces: Tensor
    name: str = ""

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
        return Cloud(pos=pos, normal=normal, name=self.name, face=face)

    def upright(self, up: str) -> Mesh:
        """Turn the mesh so that its up axis becomes y.

        Args:
            up: the axis that points up in it, one of :data:`pcea.geometry.UP_AXES`.

        Raises:
            InputError: there is no such axis.
        """
        return replace(self, vertices=upright(self.vertices, up))

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
