"""All clouds of a split in a few flat tensors, and the batches drawn from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from pcea.errors import InputError, require
from pcea.formats.checked import as_tensor

# The largest error of float32 that is accepted, relative to the size of the cloud.
_LARGEST_MOVE = 1e-4
_EXACT = (torch.float32, torch.float16, torch.bfloat16)
# The part of a point that has no label.
UNLABELED = -1

Index: TypeAlias = int | slice | Tensor | NDArray[Any] | Sequence[int] | Sequence[bool]


@dataclass
class Batch:
    """The input of a model and its loss, checked and converted to the types below.

    Args:
        pos: (B, N, 3) float32 coordinates.
        category: (B,) int64.
        normal: (B, N, 3) float32, zero where unknown; None: there are none.
        part: (B, N) int64 global part ids, -1 at points without a label; None: there are none.
        mask: (B, N) bool, True at real points; None: all points are real.
        mixed_category: (B, K) int64, the categories of the clouds that each cloud is mixed from;
            ``category`` is then the one with the largest share. None: no cloud is mixed.
        mixed_share: (B, K) float32, the shares of these categories, which sum to 1.

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
        pos = _keep_checked(self, "B, N, 3", len(as_tensor(self.pos, "pos")))
        _check_digits(pos, torch.full((len(pos),), pos.shape[1], device=pos.device))

    def __len__(self) -> int:
        return len(self.pos)

    def __repr__(self) -> str:
        has = [name for name in ("normal", "part", "mask") if getattr(self, name) is not None]
        return f"Batch({', '.join([f'{len(self)} clouds of {self.pos.shape[1]} points', *has])})"

    def soft_category(self, num_categories: int) -> Tensor:
        """The targets of the loss: (B,) int64 categories; if mixed, (B, num_categories) shares."""
        if self.mixed_category is None or self.mixed_share is None:
            return self.category
        soft = self.mixed_share.new_zeros(len(self), num_categories)
        return soft.scatter_add_(1, self.mixed_category, self.mixed_share)


@dataclass(frozen=True)
class Clouds:
    """M clouds of any lengths, their T points one after the other; ``clouds[index]`` selects some.

    Tensors or arrays of any real type are checked, and converted to the types below.

    Args:
        pos: (T, 3) float32 coordinates.
        ptr: (M + 1,) int64; cloud i has the points ``ptr[i]`` to ``ptr[i + 1] - 1``.
        category: (M,) int64.
        normal: (T, 3) float32, zero where unknown; None: there are none.
        part: (T,) int64 global part ids, -1 at points without a label; None: there are none.
        names: of the M clouds, usually of the files that they come from.

    Raises:
        InputError: as for :class:`Batch`, or a cloud has no points.
    """

    pos: Tensor
    ptr: Tensor
    category: Tensor
    normal: Tensor | None = None
    part: Tensor | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pos = _keep_checked(self, "T, 3", as_tensor(self.category, "category").numel())
        object.__setattr__(self, "names", tuple(self.names))
        if len(self.names) != len(self):
            raise InputError(f"{len(self.names)} names for {len(self)} clouds")
        if self.ptr.device.type == "cpu":
            fewest = int(self.counts.min()) if len(self) else 1
            if self.ptr[[0, -1]].tolist() != [0, len(pos)] or fewest < 1:
                raise InputError(f"ptr must rise from 0 to {len(pos)}, by at least 1 per cloud")
        _check_digits(pos, self.counts)

    @classmethod
    def from_dense(
        cls,
        pos: Tensor,
        category: Tensor,
        normal: Tensor | None = None,
        part: Tensor | None = None,
        names: Sequence[str] | None = None,
    ) -> Clouds:
        """Make clouds of N points each from (M, N, …) tensors; without names, they are numbered."""
        dense = Batch(pos, category, normal, part)
        flat = {n: t if n == "category" else t.flatten(0, 1) for n, t in tensors_of(dense).items()}
        ptr = torch.arange(len(dense) + 1, device=dense.pos.device) * dense.pos.shape[1]
        names = tuple(map(str, range(len(dense))) if names is None else names)
        return cls(ptr=ptr, names=names, **flat)

    @classmethod
    def cat(cls, several: Sequence[Clouds]) -> Clouds:
        """Join clouds in order; missing normals become zero, parts are kept if all have them."""
        if not several:
            raise InputError("there are no clouds to join")
        normals = [torch.zeros_like(c.pos) if c.normal is None else c.normal for c in several]
        parts = [c.part for c in several if c.part is not None]
        return cls(
            pos=torch.cat([c.pos for c in several]),
            ptr=pad(torch.cat([c.counts for c in several]).cumsum(0), (1, 0)),
            category=torch.cat([c.category for c in several]),
            normal=torch.cat(normals) if any(c.normal is not None for c in several) else None,
            part=torch.cat(parts) if len(parts) == len(several) else None,
            names=tuple(name for c in several for name in c.names),
        )

    def __len__(self) -> int:
        return len(self.category)

    def parts_of(self, num: int) -> tuple[tuple[int, ...], ...]:
        """The part ids that occur in each of `num` categories, ascending."""
        used: list[tuple[int, ...]] = [()] * num
        if self.part is not None:
            owner = self.category.repeat_interleave(self.counts)  # (T,)
            for category in owner.unique().tolist():
                own = self.part[(owner == category) & (self.part != UNLABELED)]
                used[category] = tuple(own.unique().tolist())
        return tuple(used)

    def hold_out(self, share: float, keys: Sequence[Any]) -> Tensor:
        """Select a share of each category by the smallest keys, at least one of two: (M,) bool."""
        held_out = torch.zeros(len(self), dtype=torch.bool)
        for category in self.category.unique():
            ids = (self.category == category).nonzero()[:, 0].tolist()
            num = max(round(share * len(ids)), int(len(ids) > 1))
            held_out[sorted(ids, key=keys.__getitem__)[:num]] = True
        return held_out

    def __repr__(self) -> str:
        has = [name for name in ("normal", "part") if getattr(self, name) is not None]
        points = f"{self.longest} points" if self.uniform else f"up to {self.longest} points"
        return f"Clouds({', '.join([f'{len(self)} of {points}', *has])})"

    def __iter__(self) -> Iterator[Clouds]:
        """Iterate over the clouds, one at a time."""
        return (self.select(i) for i in range(len(self)))

    @cached_property
    def counts(self) -> Tensor:
        """(M,) int64: the number of points of each cloud."""
        return self.ptr.diff()

    @cached_property
    def longest(self) -> int:
        """The number of points of the largest cloud."""
        return int(self.counts.max()) if len(self) else 0

    @cached_property
    def uniform(self) -> bool:
        """Whether all clouds have the same number of points."""
        return bool((self.counts == self.longest).all())

    @cached_property
    def all_labeled(self) -> bool:
        """Whether no point lacks a part label, as far as there are any."""
        return self.part is None or not bool((self.part == UNLABELED).any())

    def to(self, device: torch.device | str) -> Clouds:
        """Copy the clouds to another device."""
        tensors = {name: tensor.to(device) for name, tensor in tensors_of(self).items()}
        moved = replace(self, **tensors)  # type: ignore[arg-type]
        # Known already: drawing a batch then need not wait for that device.
        vars(moved).update(longest=self.longest, uniform=self.uniform)
        return moved

    def select(self, index: Index) -> Clouds:
        """Select clouds, in the order of the index, with their names.

        The index is an id, a slice, (K,) ids, or a mask of (M,) bools; negative ids count from the
        end. An index that does not fit is an InputError.
        """
        ids = self._ids(index)
        counts = self.counts[ids]  # (K,)
        ptr = pad(counts.cumsum(0), (1, 0))
        shift = (self.ptr[ids] - ptr[:-1]).repeat_interleave(counts)  # (T',)
        points = self._points(torch.arange(len(shift), device=shift.device) + shift)
        names = tuple(self.names[i] for i in ids.tolist())
        return Clouds(ptr=ptr, category=self.category[ids], names=names, **points)

    __getitem__ = select

    def batch(
        self,
        index: Index,
        num_points: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """Draw a batch, on the device of the clouds.

        With ``num_points``, the device never waits for the host; from a cloud with fewer points,
        each point is drawn once before any is repeated.

        Args:
            index: (B,) ids of clouds, or anything else that :meth:`select` takes.
            num_points: points drawn from each cloud; None takes all and pads to the largest cloud
                of the batch, with a mask (padded points and their parts are 0).
            generator: draws the points without replacement, on the CPU or the device; None takes
                the first points in stored order.
        """
        ids = self._ids(index)
        count = self.counts[ids, None]  # (B, 1)
        require("num_points", num_points, int | None, 1)
        width = num_points or (self.longest if self.uniform else int(count.max()))
        place = torch.arange(width, device=count.device)
        slot = place % count  # (B, width) positions within each cloud
        if generator is not None:
            key = torch.rand(len(ids), self.longest, generator=generator, device=generator.device)
            key = key.to(count.device)
            if not self.uniform:  # padding comes last
                key[torch.arange(self.longest, device=count.device) >= count] = 2.0
            slot = sort_keys(key).gather(1, slot)
        drawn = self._points(self.ptr[ids, None] + slot)
        if num_points is None and not self.uniform and bool((count < width).any()):
            mask = place < count
            for name, value in drawn.items():
                if value is not None:
                    drawn[name] = value * (mask if value.ndim == 2 else mask.unsqueeze(2))
            drawn["mask"] = mask
        return Batch(category=self.category[ids], **drawn)

    def _points(self, point: Tensor) -> dict[str, Any]:
        """Index the fields that have a value for each point."""
        values = {"pos": self.pos, "normal": self.normal, "part": self.part}
        return {name: None if value is None else value[point] for name, value in values.items()}

    def _ids(self, index: Index) -> Tensor:
        """Resolve an index of clouds to ids from 0, (K,) int64."""
        num = len(self)
        ids = as_tensor(range(num)[index] if isinstance(index, slice) else index, "index of clouds")
        mask = ids.dtype == torch.bool
        whole = not ids.numel() or not (ids.is_floating_point() or ids.is_complex())
        if not whole or (ids.shape != (num,) if mask else ids.ndim > 1):
            raise InputError(
                f"index of clouds is {ids.dtype} of shape {tuple(ids.shape)}: give a number, whole "
                f"numbers (K,), a slice, or a mask of {num} bools"
            )
        ids = ids if mask else ids.long()
        try:
            return torch.arange(num, device=ids.device)[ids].reshape(-1).to(self.ptr.device)
        except IndexError:
            wrong = ids[(ids < -num) | (ids >= num)].reshape(-1)[0]
            raise InputError(f"no cloud {int(wrong)}: there are {num}, from 0 on") from None


def sort_keys(key: Tensor) -> Tensor:
    """Argsort the rows of non-negative float32 keys (B, L), stably: (B, L) int64."""
    if key.device.type != "cpu":
        return key.argsort(dim=1, stable=True)
    # Non-negative floats order as their bits do. With the index in the lower bits no two are equal,
    # and NumPy sorts them ten times as fast as torch computes an argsort of floats.
    packed = key.view(torch.int32).long().bitwise_left_shift_(32)
    packed |= torch.arange(key.shape[1])
    packed.numpy().sort(axis=1)
    return packed.bitwise_and_(0xFFFFFFFF)


def tensors_of(owner: Batch | Clouds) -> dict[str, Tensor]:
    """Return the fields that are tensors, by name."""
    names = (field.name for field in fields(owner))
    return {name: each for name in names if isinstance(each := getattr(owner, name), Tensor)}


def _keep_checked(owner: Batch | Clouds, layout: str, num: int) -> Tensor:
    """Check that the fields fit ``num`` clouds, convert them, and return ``pos`` unconverted.

    Values are checked on the CPU only: a check on another device would wait for that device, and
    training moves only tensors there that were checked on the CPU.
    """
    pos = as_tensor(owner.pos, "pos")
    shape, dims = tuple(pos.shape), layout.count(",") + 1
    if len(shape) != dims or shape[-1] != 3:
        turned = len(shape) == dims and shape[-2] == 3
        hint = ": coordinates come last, transpose it first" if turned else ""
        raise InputError(f"pos is {shape}, expected ({layout}){hint}")
    points = shape[:-1]
    wanted = {"ptr": (num + 1,), "category": (num,), "normal": shape, "part": points}
    for name, expected in {**wanted, "mask": points, "pos": shape}.items():
        if (value := getattr(owner, name, None)) is None:
            continue
        tensor = as_tensor(value, name)
        if tuple(tensor.shape) != expected:
            raise InputError(f"{name} is {tuple(tensor.shape)}, expected {expected}")
        if tensor.device != pos.device:
            raise InputError(f"{name} is on {tensor.device}, the positions are on {pos.device}")
        object.__setattr__(owner, name, _as_field(tensor, name))
    return pos


def _as_field(given: Tensor, name: str) -> Tensor:
    checkable = given.device.type == "cpu" and given.numel() > 0
    if name == "mask":
        if given.dtype != torch.bool:
            raise InputError(f"mask must be bool, not {given.dtype}")
        return given
    if given.dtype == torch.bool or given.is_complex():
        raise InputError(f"{name} must be real numbers, not {given.dtype}")
    if name in ("pos", "normal"):
        real = given.float()
        # A single pass over the values, without another tensor of this size.
        if not checkable or all(bool(each.isfinite()) for each in real.detach().aminmax()):
            return real
        finite = real.detach().isfinite().all(-1, keepdim=True)
        if name == "normal":  # zero means unknown
            return torch.where(finite, real, 0.0)
        raise InputError(
            f"pos: {int((~finite).sum())} points are NaN, infinite or beyond float32: remove them"
        )
    label = given.long()
    if checkable and given.is_floating_point() and bool((label != given).any()):
        raise InputError(f"{name} must be whole numbers")
    if checkable and int(label.min()) < (UNLABELED if name == "part" else 0):
        raise InputError(f"{name} has {int(label.min())}: labels are numbered from 0 on")
    return label


def _check_digits(pos: Tensor, counts: Tensor) -> None:
    """Refuse clouds that lie so far from zero that float32 would lose their form."""
    if pos.device.type != "cpu" or not pos.numel() or pos.dtype in _EXACT:
        return
    wide = pos.detach().double().reshape(-1, 3)
    moved = (wide.float().double() - wide).abs().amax(1)  # (T,)
    low, high, error = (
        torch.segment_reduce(each, how, lengths=counts)
        for each, how in ((wide, "min"), (wide, "max"), (moved, "max"))
    )
    size = (high - low).amax(1)  # (M,)
    for i in ((size > 0) & (error > _LARGEST_MOVE * size)).nonzero()[:1, 0].tolist():
        raise InputError(
            f"pos: cloud {i} lies too far from zero for float32, which would lose its form: pass "
            "it through pcea.geometry.unit_sphere first"
        )
