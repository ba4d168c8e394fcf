"""A whole split of clouds as a few flat tensors, and the batches drawn from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pcea.datasets.fields import (
    as_coordinates,
    as_labels,
    as_mask,
    as_normals,
    check_layout,
    check_shapes,
)
from pcea.datasets.indexing import Index, cloud_ids
from pcea.errors import InputError
from pcea.formats.checked import as_tensor


@dataclass
class Batch:
    """What a model and its loss consume.

    Tensors or arrays of any real type will do: what is given is checked, and kept in the types
    below.

    Args:
        pos: (B, N, 3) float32 coordinates.
        category: (B,) int64.
        normal: (B, N, 3) float32, or None.
        part: (B, N) int64 global part ids, or None.
        mask: (B, N) bool, True where a point is real; None where every point is.
        mixed_category: (B, K) int64, the categories that each cloud is mixed of, or None;
            ``category`` is then the one with the largest share.
        mixed_share: (B, K) float32, the share of each of them, 1 together, or None.

    Raises:
        InputError: a shape, a type or a device does not fit, a label is negative, or a coordinate
            is NaN or infinite.
    """

    pos: Tensor
    category: Tensor
    normal: Tensor | None = None
    part: Tensor | None = None
    mask: Tensor | None = None
    mixed_category: Tensor | None = None
    mixed_share: Tensor | None = None

    def __post_init__(self) -> None:
        pos = as_tensor(self.pos, "batch: pos")
        check_layout(pos, ("B", "N", "3"), "batch: pos")
        batch, num, _ = pos.shape
        self.pos = as_coordinates(pos, "batch: pos", [num] * batch)
        self.category = as_labels(self.category, "batch: category")
        if self.normal is not None:
            self.normal = as_normals(self.normal, "batch: normal")
        if self.part is not None:
            self.part = as_labels(self.part, "batch: part")
        if self.mask is not None:
            self.mask = as_mask(self.mask, "batch: mask")
        check_shapes(
            "batch",
            {
                "pos": (self.pos, (batch, num, 3)),
                "category": (self.category, (batch,)),
                "normal": (self.normal, (batch, num, 3)),
                "part": (self.part, (batch, num)),
                "mask": (self.mask, (batch, num)),
            },
        )

    def __len__(self) -> int:
        return len(self.pos)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(
            *(
                None if tensor is None else tensor.to(device, non_blocking=True)
                for tensor in vars(self).values()
            )  # type: ignore[arg-type]
        )

    def soft_category(self, num_categories: int) -> Tensor:
        """What a classifier should answer.

        Args:
            num_categories: how many categories there are.

        Returns:
            (B,) int64 the categories, or (B, num_categories) the share of each in mixed clouds.
        """
        if self.mixed_category is None or self.mixed_share is None:
            return self.category
        soft = self.mixed_share.new_zeros(len(self), num_categories)
        return soft.scatter_add_(1, self.mixed_category, self.mixed_share)


@dataclass(frozen=True)
class Clouds:
    """M clouds of any lengths, their T points one after the other.

    Tensors or arrays of any real type will do: what is given is checked, and kept in the types
    below. ``clouds[index]`` is :meth:`select`.

    Args:
        pos: (T, 3) float32 coordinates.
        ptr: (M + 1,) int64; cloud i owns the points ``ptr[i]`` to ``ptr[i + 1]``.
        category: (M,) int64.
        normal: (T, 3) float32, zero where unknown, or None.
        part: (T,) int64 global part ids, or None.
        names: where each cloud comes from, M of them.

    Raises:
        InputError: the shapes or devices do not fit each other, a cloud has no point, a label is
            negative, a coordinate is NaN or infinite, or one in float64 is too far from zero for
            float32.
    """

    pos: Tensor
    ptr: Tensor
    category: Tensor
    normal: Tensor | None = None
    part: Tensor | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pos = as_tensor(self.pos, "clouds: pos")
        check_layout(pos, ("T", "3"), "clouds: pos")
        ptr = as_labels(self.ptr, "clouds: ptr")
        category = as_labels(self.category, "clouds: category")
        normal = None if self.normal is None else as_normals(self.normal, "clouds: normal")
        part = None if self.part is None else as_labels(self.part, "clouds: part")
        num_points, num_clouds, counts = len(pos), category.numel(), list[int]()
        check_shapes(
            "clouds",
            {
                "pos": (pos, (num_points, 3)),
                "ptr": (ptr, (num_clouds + 1,)),
                "category": (category, (num_clouds,)),
                "normal": (normal, (num_points, 3)),
                "part": (part, (num_points,)),
            },
        )
        names = tuple(self.names)
        if len(names) != num_clouds:
            raise InputError(f"clouds: {len(names)} names for {num_clouds} clouds")
        # On a device the values were checked before they moved there, and looking would wait.
        if ptr.device.type == "cpu":
            counts = ptr.diff().tolist()
            if int(ptr[0]) or sum(counts) != num_points or min(counts, default=1) < 1:
                raise InputError(
                    f"clouds: ptr does not share {num_points} points, one at least each"
                )
        pos = as_coordinates(pos, "clouds: pos", counts)
        kept = {"pos": pos, "ptr": ptr, "category": category, "normal": normal, "part": part}
        for name, value in {**kept, "names": names}.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_dense(
        cls,
        pos: Tensor,
        category: Tensor,
        normal: Tensor | None = None,
        part: Tensor | None = None,
        names: Sequence[str] | None = None,
    ) -> Clouds:
        """Clouds that all have N points.

        Args:
            pos: (M, N, 3).
            category: (M,).
            normal: (M, N, 3), or None.
            part: (M, N), or None.
            names: M names; None numbers them.

        Raises:
            InputError: as for the clouds themselves.
        """
        pos, category = as_tensor(pos, "clouds: pos"), as_tensor(category, "clouds: category")
        normal = None if normal is None else as_tensor(normal, "clouds: normal")
        part = None if part is None else as_tensor(part, "clouds: part")
        check_layout(pos, ("M", "N", "3"), "clouds: pos")
        num_clouds, num_points, _ = pos.shape
        check_shapes(
            "clouds",
            {
                "pos": (pos, (num_clouds, num_points, 3)),
                "category": (category, (num_clouds,)),
                "normal": (normal, (num_clouds, num_points, 3)),
                "part": (part, (num_clouds, num_points)),
            },
        )
        return cls(
            pos=pos.reshape(-1, 3),
            ptr=torch.arange(num_clouds + 1, device=pos.device) * num_points,
            category=category,
            normal=None if normal is None else normal.reshape(-1, 3),
            part=None if part is None else part.reshape(-1),
            names=tuple(map(str, range(num_clouds))) if names is None else tuple(names),
        )

    @classmethod
    def cat(cls, several: Sequence[Clouds]) -> Clouds:
        """Join splits, in order. Normals and parts stay where every split has them."""
        if not several:
            raise InputError("clouds: nothing to join")
        offsets = torch.tensor([0] + [len(clouds.pos) for clouds in several]).cumsum(0)
        ptrs = [c.ptr[:-1].cpu() + offsets[i] for i, c in enumerate(several)]
        normals = [c.normal for c in several if c.normal is not None]
        parts = [c.part for c in several if c.part is not None]
        return cls(
            pos=torch.cat([c.pos for c in several]),
            ptr=torch.cat([*ptrs, offsets[-1:]]).to(several[0].ptr.device),
            category=torch.cat([c.category for c in several]),
            normal=torch.cat(normals) if len(normals) == len(several) else None,
            part=torch.cat(parts) if len(parts) == len(several) else None,
            names=tuple(name for c in several for name in c.names),
        )

    def __len__(self) -> int:
        return len(self.category)

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
        moved = replace(
            self,
            pos=self.pos.to(device),
            ptr=self.ptr.to(device),
            category=self.category.to(device),
            normal=None if self.normal is None else self.normal.to(device),
            part=None if self.part is None else self.part.to(device),
        )
        # Counted here, so that drawing a batch there need not wait for the answer.
        vars(moved).update(longest=self.longest, uniform=self.uniform)
        return moved

    def select(self, index: Index) -> Clouds:
        """Some of the clouds, in the order asked for, with their names.

        Args:
            index: an id, a slice, (K,) ids, or a mask of (M,) bools; ids below 0 count from the
                end.

        Raises:
            InputError: there is no such cloud, or the mask has another length.
        """
        index = cloud_ids(index, len(self), self.ptr.device)
        counts = self.counts[index]  # (K,)
        ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        shift = (self.ptr[index] - ptr[:-1]).repeat_interleave(counts)  # (T',)
        point = torch.arange(len(shift), device=shift.device) + shift
        return Clouds(
            pos=self.pos[point],
            ptr=ptr,
            category=self.category[index],
            normal=None if self.normal is None else self.normal[point],
            part=None if self.part is None else self.part[point],
            names=tuple(self.names[i] for i in index.tolist()),
        )

    def batch(
        self,
        index: Index,
        num_points: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """Draw a batch, on the device where the clouds live.

        With ``num_points`` every cloud gets exactly that many points and nothing waits for the
        host; a cloud with fewer gives each point once before it repeats any.

        Args:
            index: (B,) ids of clouds, or whatever :meth:`select` takes.
            num_points: points drawn from each cloud; None takes them all and pads to the
                longest of the batch (points of padding are zero, their part is 0).
            generator: draws the points without replacement; it may live on the CPU or the
                device. None takes the first ones in stored order.

        Returns:
            The batch; its mask is None where there is no padding.
        """
        index = cloud_ids(index, len(self), self.ptr.device)
        start, count = self.ptr[index, None], self.counts[index, None]  # (B, 1)
        if num_points is not None:
            slot = self._draw(count, num_points, generator)  # (B, N)
            return self._gather(index, start + slot, None)
        width = self.longest if self.uniform else int(count.max())
        slot = torch.arange(width, device=index.device).expand(len(index), -1)  # (B, W)
        if generator is not None:
            slot = self._draw(count, width, generator)
        mask = None
        if not self.uniform:
            mask = torch.arange(width, device=index.device) < count
            if bool(mask.all()):
                mask = None
        if mask is not None:
            slot = slot.minimum(count - 1)
        return self._gather(index, start + slot, mask)

    def _draw(self, count: Tensor, num: int, generator: torch.Generator | None) -> Tensor:
        """(B, num) positions within each cloud of `count` (B, 1) points."""
        device = count.device
        if num < 1:
            raise InputError(f"num_points is {num}; it must be at least 1")
        turn = torch.arange(num, device=device) % count  # (B, num)
        if generator is None:
            return turn
        key = torch.rand(len(count), self.longest, generator=generator, device=generator.device).to(
            device
        )  # (B, longest)
        if not self.uniform:
            key = key.masked_fill(torch.arange(self.longest, device=device) >= count, 2.0)
        return _order(key).gather(1, turn)

    def _gather(self, index: Tensor, point: Tensor, mask: Tensor | None) -> Batch:
        pos = self.pos[point]  # (B, N, 3)
        normal = None if self.normal is None else self.normal[point]
        part = None if self.part is None else self.part[point]
        if mask is not None:
            pos = pos * mask[..., None]
            normal = None if normal is None else normal * mask[..., None]
            part = None if part is None else part * mask
        return Batch(pos, self.category[index], normal, part, mask)


def _order(key: Tensor) -> Tensor:
    """(B, L) int64: what sorts each row of numbers that are not negative, equal ones in order."""
    if key.device.type != "cpu":
        return key.argsort(dim=1, stable=True)
    # A float that is not negative orders as its bits do. With the place below them no two are
    # equal, and NumPy sorts whole numbers ten times as fast as torch sorts floats with their place.
    packed = key.view(torch.int32).long().bitwise_left_shift_(32)
    packed |= torch.arange(key.shape[1])
    packed.numpy().sort(axis=1)
    return packed.bitwise_and_(0xFFFFFFFF)
