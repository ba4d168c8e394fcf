"""Checks of the fields of clouds and batches.

Values are checked on the CPU alone: a check on another device would wait for it, and what training
moves there was checked before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.checked import as_tensor

# What float32 may take from a cloud's form, in shares of its size.
_LARGEST_MOVE = 1e-4

Index: TypeAlias = int | slice | Tensor | NDArray[Any] | Sequence[int] | Sequence[bool]


def take_fields(owner: object, device: torch.device, shapes: dict[str, tuple[int, ...]]) -> None:
    """Check fields of an object, and keep them as tensors of their types; None stays None."""
    for name, shape in shapes.items():
        value = getattr(owner, name)
        if value is None:
            continue
        tensor = as_tensor(value, name)
        if tuple(tensor.shape) != shape:
            raise InputError(f"{name} is {tuple(tensor.shape)}, expected {shape}")
        if tensor.device != device:
            raise InputError(f"{name} is on {tensor.device}, the positions are on {device}")
        object.__setattr__(owner, name, _TYPES[name](tensor, name))


def check_layout(pos: Tensor, layout: tuple[str, ...]) -> None:
    """Refuse coordinates of other dimensions than those named, such as ``("T", "3")``."""
    shape = tuple(pos.shape)
    if len(shape) != len(layout) or shape[-1] != 3:
        turned = len(shape) == len(layout) and shape[-2] == 3
        hint = ": coordinates come last, transpose it first" if turned else ""
        raise InputError(f"pos is {shape}, expected ({', '.join(layout)}){hint}")


def as_coordinates(pos: Tensor, counts: Sequence[int]) -> Tensor:
    """Take coordinates (…, 3) of any real type as float32, of clouds of `counts` points each.

    Refuses values that are not finite, and clouds so far from zero that float32 loses their form.
    """
    near = _as_real(pos, "pos")
    if near.device.type != "cpu" or not near.numel():
        return near
    if not _finite(near):
        wrong = ~near.detach().isfinite().all(-1)
        raise InputError(
            f"pos: {int(wrong.sum())} points are NaN, infinite or beyond float32: remove them"
        )
    if pos.dtype in (torch.float32, torch.float16, torch.bfloat16):
        return near
    wide = pos.detach().double().reshape(-1, 3)
    moved = (near.detach().reshape(-1, 3).double() - wide).abs().amax(1)  # (T,)
    if bool(moved.any()):
        several = zip(wide.split(list(counts)), moved.split(list(counts)), strict=True)
        for i, (cloud, error) in enumerate(several):
            if 0 < _LARGEST_MOVE * (cloud.amax(0) - cloud.amin(0)).amax() < error.amax():
                raise InputError(
                    f"pos: cloud {i} lies too far from zero for float32, which would lose its "
                    "form: pass it through pcea.geometry.unit_sphere first"
                )
    return near


def cloud_ids(index: Index, num: int, device: torch.device) -> Tensor:
    """Turn an id, a slice, K ids or a mask of ``num`` bools into ids, (K,) int64 on a device."""
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
        return torch.arange(num, device=ids.device)[ids].reshape(-1).to(device)
    except IndexError:
        wrong = ids[(ids < -num) | (ids >= num)].reshape(-1)[0]
        raise InputError(f"no cloud {int(wrong)}: there are {num}, from 0 on") from None


def _as_real(tensor: Tensor, what: str) -> Tensor:
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise InputError(f"{what} must be real numbers, not {tensor.dtype}")
    return tensor.float()


def _as_normals(given: Tensor, what: str) -> Tensor:
    """Those that are not finite become zero, which is unknown."""
    normal = _as_real(given, what)
    if normal.device.type != "cpu" or not normal.numel() or _finite(normal):
        return normal
    return torch.where(normal.isfinite().all(-1, keepdim=True), normal, 0.0)


def _as_labels(given: Tensor, what: str) -> Tensor:
    if given.dtype == torch.bool or given.is_complex():
        raise InputError(f"{what} must be whole numbers, not {given.dtype}")
    label = given.long()
    if label.device.type == "cpu" and label.numel():
        if given.is_floating_point() and not bool((label == given).all()):
            raise InputError(f"{what} must be whole numbers")
        if int(label.min()) < 0:
            raise InputError(f"{what} has {int(label.min())}: labels are numbered from 0 on")
    return label


def _as_mask(given: Tensor, what: str) -> Tensor:
    if given.dtype != torch.bool:
        raise InputError(f"{what} must be bool, not {given.dtype}")
    return given


_TYPES = {
    "ptr": _as_labels,
    "category": _as_labels,
    "part": _as_labels,
    "normal": _as_normals,
    "mask": _as_mask,
}


def _finite(tensor: Tensor) -> bool:
    """Whether all of it is, in one pass that makes no tensor of its size."""
    low, high = tensor.detach().aminmax()
    return bool(low.isfinite() & high.isfinite())
