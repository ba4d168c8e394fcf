"""What a person gives as the fields of clouds and batches, checked: right, or one clear error.

Values are looked at on the CPU alone. On another device looking would wait for it, and what
training moves there was checked before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.checked import as_tensor

# What float32 may take from a cloud's form, in shares of its size.
_LARGEST_MOVE = 1e-4


def check_layout(pos: Tensor, layout: tuple[str, ...], what: str) -> None:
    """Check how coordinates lie, given the names of their dimensions, ``("T", "3")``.

    Raises:
        InputError: they lie otherwise.
    """
    shape = tuple(pos.shape)
    if len(shape) != len(layout) or shape[-1] != 3:
        turned = len(shape) == len(layout) and shape[-2] == 3
        hint = ": coordinates come last, transpose it first" if turned else ""
        raise InputError(f"{what} is {shape}, expected ({', '.join(layout)}){hint}")


def as_coordinates(pos: Tensor, what: str, counts: Sequence[int]) -> Tensor:
    """Take coordinates of any real type as float32.

    Args:
        pos: (…, 3) whatever :func:`check_layout` lets through.
        what: how the message calls them.
        counts: points of each cloud, one cloud after the other; of no use but on the CPU.

    Raises:
        InputError: the type is another one, a value is NaN or infinite, or a cloud lies so far
            from zero that float32 would lose its form.
    """
    near = as_real(pos, what)
    if near.device.type != "cpu" or not near.numel():
        return near
    if not _finite(near):
        wrong = ~near.detach().isfinite().all(-1)
        raise InputError(
            f"{what}: {int(wrong.sum())} points are NaN, infinite or beyond float32: remove them"
        )
    if pos.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        _check_form(pos.detach().double().reshape(-1, 3), near, what, counts)
    return near


def as_normals(values: Any, what: str) -> Tensor:
    """Take normals of any real type and length as float32; those that are not finite become zero.

    Raises:
        InputError: the type is another one.
    """
    normal = as_real(as_tensor(values, what), what)
    if normal.device.type != "cpu" or not normal.numel() or _finite(normal):
        return normal
    return torch.where(normal.isfinite().all(-1, keepdim=True), normal, 0.0)


def as_labels(values: Any, what: str) -> Tensor:
    """Take whole numbers from 0 on, of any type that holds them, as int64.

    Raises:
        InputError: a number is negative or not whole.
    """
    given = as_tensor(values, what)
    if given.dtype == torch.bool or given.is_complex():
        raise InputError(f"{what} must be whole numbers, not {given.dtype}")
    label = given.long()
    if label.device.type == "cpu" and label.numel():
        if given.is_floating_point() and not bool((label == given).all()):
            raise InputError(f"{what} must be whole numbers")
        if int(label.min()) < 0:
            raise InputError(f"{what} has {int(label.min())}: labels are numbered from 0 on")
    return label


def as_mask(values: Any, what: str) -> Tensor:
    """Take a mask of bool.

    Raises:
        InputError: it is of another type.
    """
    mask = as_tensor(values, what)
    if mask.dtype != torch.bool:
        raise InputError(f"{what} must be bool, not {mask.dtype}")
    return mask


def as_real(tensor: Tensor, what: str) -> Tensor:
    """Make real numbers float32.

    Raises:
        InputError: they are bool or complex.
    """
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise InputError(f"{what} must be real numbers, not {tensor.dtype}")
    return tensor.float()


def check_shapes(owner: str, fields: dict[str, tuple[Tensor | None, tuple[int, ...]]]) -> None:
    """Check that fields have the shapes they should have, all on one device.

    Args:
        owner: how the message calls what they are fields of.
        fields: {name: (field, shape)}; the first says the device.

    Raises:
        InputError: one has another shape, or lies elsewhere.
    """
    device = None
    for name, (tensor, shape) in fields.items():
        if tensor is None:
            continue
        device = device or tensor.device
        if tuple(tensor.shape) != shape:
            raise InputError(f"{owner}: {name} is {tuple(tensor.shape)}, expected {shape}")
        if tensor.device != device:
            raise InputError(f"{owner}: {name} is on {tensor.device}, the rest is on {device}")


def _finite(tensor: Tensor) -> bool:
    """Whether all of it is, in one pass that makes no tensor of its size."""
    low, high = tensor.detach().aminmax()
    return bool(low.isfinite() & high.isfinite())


def _check_form(wide: Tensor, near: Tensor, what: str, counts: Sequence[int]) -> None:
    """Refuse float64 coordinates (T, 3) that lose a cloud's form in float32."""
    moved = (near.detach().reshape(-1, 3).double() - wide).abs().amax(1)  # (T,)
    if not bool(moved.any()):
        return
    counts = list(counts)
    for i, (cloud, error) in enumerate(zip(wide.split(counts), moved.split(counts), strict=True)):
        size = (cloud.amax(0) - cloud.amin(0)).amax()
        if 0 < _LARGEST_MOVE * size < error.amax():
            raise InputError(
                f"{what}: cloud {i} lies too far from zero for float32, which would lose its "
                "form: pass it through pcea.geometry.unit_sphere first"
            )
