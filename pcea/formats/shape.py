"""The content of a file: a cloud of points or a mesh of triangles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from pcea.errors import InputError, require
from pcea.formats import checked
from pcea.geometry.carry import carry_to_points, carry_to_vertices
from pcea.geometry.surface import check_faces, sample_surface
from pcea.geometry.upright import upright

S = TypeVar("S", bound="_Shape")

# The optional fields with one value per point or vertex, and the functions that check them.
_AT_POINTS: dict[str, Callable[[Any, Tensor, str], Tensor]] = {
    "normal": checked.as_normals,
    "color": checked.as_colors,
    "face": checked.as_indices,
    "row": checked.as_indices,
}


_NO_OFFSET = partial(torch.zeros, 3, dtype=torch.float64)


class _Shape:
    """The base class of clouds and meshes: N positions, and optional values at each of them."""

    _where: ClassVar[str]
    name: str
    normal: Tensor | None
    color: Tensor | None
    offset: Tensor
    row: Tensor | None
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        kind = type(self).__name__.lower()
        pos, subtracted = checked.as_positions(self._pos, f"{self._where} of the {kind}")
        offset = checked.as_tensor(self.offset, f"offset of the {kind}").detach().cpu().double()
        if offset.shape != (3,) or not offset.isfinite().all():
            raise InputError(f"offset of the {kind} must be 3 finite numbers")
        self._keep(self._where, pos)
        self._keep("offset", offset + subtracted.cpu())
        for name, check in _AT_POINTS.items():
            if (values := getattr(self, name, None)) is not None:
                self._keep(name, check(values, pos, f"{name} of the {kind}"))

    @property
    def _pos(self) -> Tensor:
        pos: Tensor = getattr(self, self._where)
        return pos

    def _keep(self, name: str, value: Tensor) -> None:
        object.__setattr__(self, name, value)

    @property
    def file_pos(self) -> Tensor:
        """(N, 3) positions in the file's own coordinates: float64 if there is an offset."""
        pos = self._pos
        return pos.double() + self.offset.to(pos.device) if self.offset.any() else pos

    def upright(self: S, up: str) -> S:
        """Turn the shape so that its up axis, of :data:`pcea.geometry.UP_AXES`, becomes y."""
        known = {name: getattr(self, name) for name in (self._where, "normal", "offset")}
        turned: dict[str, Any] = {k: upright(v, up) for k, v in known.items() if v is not None}
        return replace(self, **turned)  # type: ignore[type-var]

    def __repr__(self) -> str:
        words = [repr(self.name)] if self.name else []
        words.append(f"{len(self._pos):,} {'points' if self._where == 'pos' else self._where}")
        if isinstance(self, Mesh):
            words.append(f"{len(self.faces):,} faces")
        words += [f"{name}s" for name in ("normal", "color") if getattr(self, name) is not None]
        if self.offset.any():
            words.append(f"offset ({', '.join(f'{each:,.10g}' for each in self.offset.tolist())})")
        words += [f"on {self._pos.device}"] if self._pos.device.type != "cpu" else []
        return f"{type(self).__name__}({', '.join(words)})"


@dataclass(frozen=True, eq=False, repr=False)
class Cloud(_Shape):
    """Points, with optional normals and colors.

    Tensors or arrays of any real type are checked, and converted to the types below.

    Args:
        pos: (N, 3) float32 positions, in the file's own unit and axes, minus the offset. From
            float64 positions far from zero, an offset is subtracted.
        normal: (N, 3) float32 unit normals, zero where unknown.
        color: (N, 3) uint8 red, green, blue, 0 to 255.
        name: of the cloud, such as the file's name without its ending.
        face: (N,) int64 index of the mesh's face from which each point was sampled.
        offset: (3,) float64; ``pos`` plus the offset are the file's own coordinates, as map
            coordinates need more digits than float32 has. Default: 0.
        row: (N,) int64 index of each point among the file's points. Default: all, in their order.
        notes: remarks on how the file was read, one sentence each.

    Raises:
        InputError: a shape, a type or a device does not fit, or a position is NaN or infinite.
    """

    _where: ClassVar[str] = "pos"

    pos: Tensor
    normal: Tensor | None = None
    color: Tensor | None = None
    name: str = ""
    face: Tensor | None = None
    offset: Tensor = field(default_factory=_NO_OFFSET)
    row: Tensor | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Count the points."""
        return len(self.pos)

    def sample(self, num: int, seed: int = 0) -> Cloud:
        """Change the number of points to ``num``; the same seed chooses the same points.

        A larger cloud gives a random subset; a smaller one all its points, then random repeats.
        """
        require("num", num, int, 1)
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
        """Select points by (num,) int64 indices, in their order, or by (N,) bool."""
        known = {name: getattr(self, name) for name in ("pos", *_AT_POINTS)}
        return replace(self, **{k: v[index] for k, v in known.items() if v is not None})

    @staticmethod
    def join(clouds: Sequence[Cloud]) -> Cloud:
        """Join clouds, one after the other; the name, offset and notes are those of the first.

        Values that not all clouds have are left out. An empty list is an InputError.
        """
        if not clouds:
            raise InputError("there are no clouds to join")
        first, offset = clouds[0], clouds[0].offset
        pos = [
            each.pos
            if torch.equal(each.offset, offset)
            else (each.file_pos.double() - offset.to(each.pos.device)).float()
            for each in clouds
        ]
        known: dict[str, Any] = {"pos": torch.cat(pos)}
        for name in _AT_POINTS:
            values = [getattr(each, name) for each in clouds]
            known[name] = None if any(value is None for value in values) else torch.cat(values)
        return replace(first, **known)

    def carry_back(self, sample: Cloud, values: Tensor) -> Tensor:
        """Interpolate (P, C) values at the P points of a sample to all points: (N, C) float32.

        Each point gets the mean of the three nearest sample points, weighted by inverse squared
        distance. The sample has points of this cloud, or near it. The result is on the CPU.
        """
        return carry_to_points(self.pos, sample.pos, values)


@dataclass(frozen=True, eq=False, repr=False)
class Mesh(_Shape):
    """Triangles over shared vertices; tensors or arrays of any real type are checked and converted.

    Args:
        vertices: (V, 3) float32, as ``pos`` of :class:`Cloud`; the other fields are as there.
        faces: (F, 3) int64 vertex indices; polygons have been cut into triangles.

    Raises:
        InputError: a shape, a type or a device does not fit, a position is NaN or infinite, or a
            face refers to a vertex that does not exist.
    """

    _where: ClassVar[str] = "vertices"

    vertices: Tensor
    faces: Tensor
    name: str = ""
    normal: Tensor | None = None
    color: Tensor | None = None
    offset: Tensor = field(default_factory=_NO_OFFSET)
    row: Tensor | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        faces = checked.as_indices(self.faces, self.vertices, "faces of the mesh", (None, 3))
        check_faces(faces, len(self.vertices))
        self._keep("faces", faces)

    def sample(self, num: int, seed: int = 0) -> Cloud:
        """Sample points uniformly by area, each with its face and the normal of the face.

        The same seed gives the same points.
        """
        generator = torch.Generator(self.vertices.device).manual_seed(seed)
        pos, normal, face = sample_surface(self.vertices, self.faces, num, generator)
        known: dict[str, Any] = {"name": self.name, "offset": self.offset, "notes": self.notes}
        return Cloud(pos, normal, face=face, **known)

    def carry_back(self, sample: Cloud, values: Tensor) -> Tensor:
        """Carry (P, C) values at the P points of a sample to the vertices: (V, C) float32.

        See :func:`pcea.geometry.carry_to_vertices`. The sample comes from :meth:`sample`, because
        its points need their faces. The result is on the CPU.
        """
        if sample.face is None:
            raise InputError("values cannot be carried back to a mesh from points without faces")
        return carry_to_vertices(self.vertices, self.faces, sample.pos, sample.face, values)
