"""What a person gives a cloud or a mesh, checked: right, or one clear error."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.colors import as_color
from pcea.geometry.normalize import choose_offset

# Normals this far from unit length were not meant as unit normals.
_LENGTH_SLACK = 1e-3
_REALS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def as_positions(values: Any, what: str) -> tuple[Tensor, Tensor]:
    """Take (N, 3) real numbers as float32, and the (3,) float64 offset that was taken off, or 0."""
    pos = as_tensor(values, what)
    shape = tuple(pos.shape)
    if pos.ndim != 2 or shape[1] != 3:
        raise InputError(f"{what} must have shape (N, 3), not {shape}{_hint(shape)}")
    if pos.dtype == torch.bool or pos.is_complex():
        raise InputError(f"{what} must be real numbers, not {pos.dtype}")
    finite = pos.detach().isfinite().all(1)  # (N,)
    if not finite.all():
        missing = int((~finite).sum())
        raise InputError(
            f"{missing} of the {len(pos)} rows of {what} are NaN or infinite: remove them first"
        )
    none = torch.zeros(3, dtype=torch.float64, device=pos.device)
    if pos.dtype == torch.float32:
        return pos, none
    if pos.dtype in (torch.float16, torch.bfloat16):
        return pos.float(), none
    wide = pos.double()
    offset = choose_offset(wide.detach())
    near = (wide - offset).float()
    if not near.detach().isfinite().all():
        raise InputError(f"{what} reaches beyond float32: scale it down")
    return near, offset


def as_normals(values: Any, pos: Tensor, what: str) -> Tensor:
    """Take normals of any length; those that are zero or not finite become zero: unknown."""
    normal = beside(values, pos, (len(pos), 3), what)
    # An unsigned byte cannot point the other way.
    if normal.is_complex() or normal.dtype in (torch.bool, torch.uint8):
        raise InputError(f"{what} must be real numbers, not {normal.dtype}")
    if normal.dtype == torch.float32:
        length = normal.detach().norm(dim=1)
        if (((length - 1).abs() < _LENGTH_SLACK) | (length == 0)).all():
            return normal
    wide = normal.double()
    known = wide.isfinite().all(1, keepdim=True) & (wide != 0).any(1, keepdim=True)
    wide = torch.where(known, wide, 0.0)
    # Divided by the largest first: the squares of huge and tiny ones stay in range.
    wide = wide / wide.abs().amax(1, keepdim=True).clamp(min=1e-300)
    return torch.nn.functional.normalize(wide, dim=1).float()


def as_colors(values: Any, pos: Tensor, what: str) -> Tensor:
    """Take colors of any range that :func:`pcea.formats.colors.as_color` knows, as uint8."""
    color = beside(values, pos, (len(pos), 3), what)
    if color.dtype == torch.uint8:
        return color
    if color.is_complex():
        raise InputError(f"{what} must be real numbers, not {color.dtype}")
    found = as_color(
        color.detach().cpu().double().numpy() if color.is_floating_point() else color.cpu().numpy()
    )
    if found is None:
        raise InputError(f"{what} must lie in 0 to 1, 0 to 255 or 0 to 65,535")
    return torch.from_numpy(found).to(color.device)


def as_indices(values: Any, pos: Tensor, shape: tuple[int | None, ...], what: str) -> Tensor:
    """Take whole numbers as int64; a None in ``shape`` stands for any length."""
    index = as_tensor(values, what)
    if tuple(index.shape) == (0,):  # no faces at all, as an empty list
        index = index.reshape([n or 0 for n in shape])
    if index.numel() == 0:
        index = index.long()
    if index.is_floating_point() or index.is_complex() or index.dtype == torch.bool:
        raise InputError(f"{what} must be whole numbers, not {index.dtype}")
    wanted = tuple(n if n is not None else m for n, m in zip(shape, index.shape, strict=False))
    return beside(index.long(), pos, wanted if index.ndim == len(shape) else shape, what)


def beside(values: Any, pos: Tensor, shape: tuple[int | None, ...], what: str) -> Tensor:
    """Take values of a shape that live where the positions live."""
    tensor = as_tensor(values, what)
    if tuple(tensor.shape) != shape:
        raise InputError(f"{what} must have shape {_spelled(shape)}, not {tuple(tensor.shape)}")
    if tensor.device != pos.device:
        raise InputError(f"{what} is on {tensor.device}, its positions are on {pos.device}")
    return tensor


def as_tensor(values: Any, what: str) -> Tensor:
    """Take a tensor, an array or numbers; an InputError where some of them are masked."""
    if isinstance(values, Tensor):
        # Hardly anything can be computed with the others: sparse, quantized or of 8 bits.
        usual = values.layout == torch.strided and not values.is_quantized
        if not usual or (values.is_floating_point() and values.dtype not in _REALS):
            kind = f"{values.layout} {values.dtype}".replace("torch.", "")
            raise InputError(f"{what} must be a dense tensor of ordinary numbers, not {kind}")
        return values
    if np.ma.is_masked(values):
        raise InputError(f"{what} has masked numbers: remove or fill them first")
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise TypeError
        if array.dtype.kind == "f" and array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        if array.dtype.kind == "u" and array.dtype.itemsize > 1:
            array = array.astype(np.int64)
        return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))
    except (TypeError, ValueError):
        kind = type(values).__name__
        raise InputError(f"{what} must be a tensor or an array of numbers, not {kind}") from None


def _spelled(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('F' if n is None else str(n) for n in shape)}{',' * (len(shape) == 1)})"


def _hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[2] == 3:
        return ": give one cloud at a time"
    if len(shape) == 2 and shape[0] == 3:
        return ": this looks like (3, N), transpose it first"
    if len(shape) == 2 and shape[1] == 6:
        return ": give the normals apart, as normal=values[:, 3:]"
    return ""
