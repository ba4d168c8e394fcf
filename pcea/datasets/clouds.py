"""A whole split of clouds as a few flat tensors, and the batches drawn from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pcea.datasets.fields import Index, as_coordinates, check_layout, cloud_ids, take_fields
from pcea.errors import InputError
from pcea.formats.checked import as_tensor


@dataclass
class Batch:
    """What a model and its loss consume, of any real type, checked and kept in the types below.

    Args:
        pos: (B, N, 3) float32 coordinates.
        category: (B,) int64.
        normal: (B, N, 3) float32, zero where unknown, or None.
        part: (B, N) int64 global part ids, or None.
        mask: (B, N) bool, True where a point is real; None where every point is.
        mixed_category: (B, K) int64, the categories that each cloud is mixed of, or None;
            ``category`` is then the one with the largest share.
        mixed_share: (B, K) float32, the share of each of them, 1 together, or None.

    Raises:
        InputError: a shape, a type or a device does not fit, a label is negative, or a coordinate
            is NaN, infinite, or in float64 too far from zero for float32.
    """

    pos: Tensor
    category: Tensor
    normal: Tensor | None = None
    part: Tensor | None = None
    mask: Tensor | None = None
    mixed_category: Tensor | None = None
    mixed_share: Tensor | None = None

    def __post_init__(self) -> None:
        pos = as_tensor(self.pos, "pos")
        check_layout(pos, ("B", "N", "3"))
        each = tuple(pos.shape[:2])
        self.pos = as_coordinates(pos, [each[1]] * each[0])
        shapes = {"category": each[:1], "normal": (*each, 3), "part": each, "mask": each}
        take_fields(self, pos.device, shapes)

    def __len__(self) -> int:
        return len(self.pos)

    def __repr__(self) -> str:
        has = [name for name in ("normal", "part", "mask") if getattr(self, name) is not None]
        return f"Batch({', '.join([f'{len(self)} clouds of {self.pos.shape[1]} points', *has])})"

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        moved = {n: t.to(device, non_blocking=True) for n, t in tensors_of(self).items()}
        return replace(self, **moved)

    def soft_category(self, num_categories: int) -> Tensor:
        """The targets: (B,) int64 categories, or (B, num_categories) shares of mixed clouds."""
        if self.mixed_category is None or self.mixed_share is None:
            return self.category
        soft = self.mixed_share.new_zeros(len(self), num_categories)
        return soft.scatter_add_(1, self.mixed_category, self.mixed_share)


@dataclass(frozen=True)
class Clouds:
    """M clouds of any lengths, their T points one after the other; ``clouds[index]`` selects some.

    Tensors or arrays of any real type are checked, and kept in the types below.

    Args:
        pos: (T, 3) float32 coordinates.
        ptr: (M + 1,) int64; cloud i owns the points ``ptr[i]`` to ``ptr[i + 1]``.
        category: (M,) int64.
        normal: (T, 3) float32, zero where unknown, or None.
        part: (T,) int64 global part ids, or None.
        names: where each cloud comes from, M of them.

    Raises:
        InputError: as for :class:`Batch`, or a cloud has no point.
    """

    pos: Tensor
    ptr: Tensor
    category: Tensor
    normal: Tensor | None = None
    part: Tensor | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pos, names = as_tensor(self.pos, "pos"), tuple(self.names)
        check_layout(pos, ("T", "3"))
        num_points, num = len(pos), as_tensor(self.category, "category").numel()
        shapes = {"ptr": (num + 1,), "category": (num,), "normal": (num_points, 3)}
        take_fields(self, pos.device, {**shapes, "part": (num_points,)})
        if len(names) != num:
            raise InputError(f"{len(names)} names for {num} clouds")
        counts: list[int] = []
        # On a device the values were checked before they moved there, and reading them would wait.
        if self.ptr.device.type == "cpu":
            counts = self.ptr.diff().tolist()
            if int(self.ptr[0]) or sum(counts) != num_points or min(counts, default=1) < 1:
                raise InputError(f"ptr does not share {num_points} points, one at least each")
        object.__setattr__(self, "pos", as_coordinates(pos, counts))
        object.__setattr__(self, "names", names)

    @classmethod
    def from_dense(
        cls,
        pos: Tensor,
        category: Tensor,
        normal: Tensor | None = None,
        part: Tensor | None = None,
        names: Sequence[str] | None = None,
    ) -> Clouds:
        """Clouds that all have N points, given as a batch; without M names they are numbered."""
        dense = Batch(pos, category, normal, part)
        num, num_points, _ = dense.pos.shape
        return cls(
            pos=dense.pos.reshape(-1, 3),
            ptr=torch.arange(num + 1, device=dense.pos.device) * num_points,
            category=dense.category,
            normal=None if dense.normal is None else dense.normal.reshape(-1, 3),
            part=None if dense.part is None else dense.part.reshape(-1),
            names=tuple(map(str, range(num))) if names is None else tuple(names),
        )

    @classmethod
    def cat(cls, several: Sequence[Clouds]) -> Clouds:
        """Join clouds, in order; unknown normals become zero, parts stay where all have them."""
        if not several:
            raise InputError("there are no clouds to join")
        offsets = torch.tensor([0] + [len(clouds.pos) for clouds in several]).cumsum(0)
        ptrs = [c.ptr[:-1].cpu() + offsets[i] for i, c in enumerate(several)]
        normals = [torch.zeros_like(c.pos) if c.normal is None else c.normal for c in several]
        parts = [c.part for c in several if c.part is not None]
        return cls(
            pos=torch.cat([c.pos for c in several]),
            ptr=torch.cat([*ptrs, offsets[-1:]]).to(several[0].ptr.device),
            category=torch.cat([c.category for c in several]),
            normal=torch.cat(normals) if any(c.normal is not None for c in several) else None,
            part=torch.cat(parts) if len(parts) == len(several) else None,
            names=tuple(name for c in several for name in c.names),
        )

    def __len__(self) -> int:
        return len(self.category)

    def parts_of(self, num: int) -> list[set[int]]:
        """The part ids that occur in each of `num` categories."""
        used: list[set[int]] = [set() for _ in range(num)]
        if self.part is not None and len(self):
            width = int(self.part.max()) + 1
            owner = self.category.repeat_interleave(self.counts)  # (T,)
            for pair in (owner * width + self.part).unique().tolist():
                used[pair // width].add(pair % width)
        return used

    def __repr__(self) -> str:
        has = [name for name in ("normal", "part") if getattr(self, name) is not None]
        points = f"{self.longest} points" if self.uniform else f"up to {self.longest} points"
        return f"Clouds({', '.join([f'{len(self)} of {points}', *has])})"

    def __getitem__(self, index: Index) -> Clouds:
        return self.select(index)

    def __iter__(self) -> Iterator[Clouds]:
        """Each cloud by itself."""
        return (self.select(i) for i in range(len(self)))

    @cached_property
    def counts(self) -> Tensor:
        """(M,) int64: points of each cloud."""
        return self.ptr.diff()

    @cached_property
    def longest(self) -> int:
        """Points of the longest cloud."""
        return int(self.counts.max()) if len(self) else 0

    @cached_property
    def uniform(self) -> bool:
        """Whether all clouds have the same number of points."""
        return bool((self.counts == self.longest).all())

    def to(self, device: torch.device | str) -> Clouds:
        """The same clouds on another device."""
        tensors = {name: tensor.to(device) for name, tensor in tensors_of(self).items()}
        moved = replace(self, **tensors)  # type: ignore[arg-type]
        # Counted here, so that drawing a batch there need not wait for the answer.
        vars(moved).update(longest=self.longest, uniform=self.uniform)
        return moved

    def select(self, index: Index) -> Clouds:
        """Some of the clouds, in the order of the index, with their names.

        The index is an id, a slice, (K,) ids, below 0 from the end, or a mask of (M,) bools; one
        that does not fit is an InputError.
        """
        index = cloud_ids(index, len(self), self.ptr.device)
        counts = self.counts[index]  # (K,)
        ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        shift = (self.ptr[index] - ptr[:-1]).repeat_interleave(counts)  # (T',)
        point = torch.arange(len(shift), device=shift.device) + shift
        names = tuple(self.names[i] for i in index.tolist())
        return Clouds(ptr=ptr, category=self.category[index], names=names, **self._points(point))

    def batch(
        self,
        index: Index,
        num_points: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """Draw a batch, on the device where the clouds live.

        With ``num_points`` nothing waits for the host; a cloud with fewer points gives each of them
        once before it repeats any.

        Args:
            index: (B,) ids of clouds, or whatever :meth:`select` takes.
            num_points: points drawn from each cloud; None takes them all and pads to the longest of
                the batch, with a mask (points of padding are zero, their part is 0).
            generator: draws the points without replacement, on the CPU or the device; None takes
                the first ones in stored order.
        """
        index = cloud_ids(index, len(self), self.ptr.device)
        count = self.counts[index, None]  # (B, 1)
        if num_points is not None and num_points < 1:
            raise InputError(f"num_points is {num_points}; it must be at least 1")
        width = num_points or (self.longest if self.uniform else int(count.max()))
        place = torch.arange(width, device=count.device)
        slot = place % count  # (B, width) positions within each cloud
        if generator is not None:
            slot = self._order(count, generator).gather(1, slot)
        drawn = self._points(self.ptr[index, None] + slot)
        if num_points is None and not self.uniform and bool((count < width).any()):
            mask = place < count
            for name, value in drawn.items():
                if value is not None:
                    drawn[name] = value * (mask if value.ndim == 2 else mask.unsqueeze(2))
            drawn["mask"] = mask
        return Batch(category=self.category[index], **drawn)

    def _points(self, point: Tensor) -> dict[str, Any]:
        """The fields of single points, at these numbers."""
        values = {"pos": self.pos, "normal": self.normal, "part": self.part}
        return {name: None if value is None else value[point] for name, value in values.items()}

    def _order(self, count: Tensor, generator: torch.Generator) -> Tensor:
        """(B, longest): a random order of each cloud's `count` (B, 1) points, padding last."""
        size = len(count), self.longest
        key = torch.rand(*size, generator=generator, device=generator.device).to(count.device)
        if not self.uniform:
            key = key.masked_fill(torch.arange(size[1], device=count.device) >= count, 2.0)
        return sort_keys(key)


def sort_keys(key: Tensor) -> Tensor:
    """(B, L) int64: what sorts each row of numbers that are not negative, equal ones in order."""
    if key.device.type != "cpu":
        return key.argsort(dim=1, stable=True)
    # A float that is not negative orders as its bits do. With the place below them no two are
    # equal, and NumPy sorts whole numbers ten times as fast as torch sorts floats with their place.
    packed = key.view(torch.int32).long().bitwise_left_shift_(32)
    packed |= torch.arange(key.shape[1])
    packed.numpy().sort(axis=1)
    return packed.bitwise_and_(0xFFFFFFFF)


def tensors_of(owner: Batch | Clouds) -> dict[str, Tensor]:
    """Its fields that are tensors, by their names."""
    names = (field.name for field in fields(owner))
    return {name: each for name in names if isinstance(each := getattr(owner, name), Tensor)}
