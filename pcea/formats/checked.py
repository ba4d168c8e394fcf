"""Check and convert the values of a cloud or a mesh, or raise one clear error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.colors import as_color
from pcea.geometry.normalize import choose_offset

# Normals that differ more from length 1 are normalized.
_LENGTH_SLACK = 1e-3
_REALS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@contextmanager
def naming(what: object) -> Iterator[None]:
    """Put the name of a file or an object before the message of an InputError in the block."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if text.startswith((f"{what}: ", f"{what}, ")):  # a plug-in may have named it already
            raise
        raise InputError(f"{what}{', ' if text.startswith('line ') else ': '}{text}") from error


def as_positions(values: Any, what: str) -> tuple[Tensor, Tensor]:
    """Convert (N, 3) positions to float32, less a (3,) float64 offset, which is returned, too."""
    pos = as_tensor(values, what)
    shape = tuple(pos.shape)
    if pos.ndim != 2 or shape[1] != 3:
        raise InputError(f"{what} must have shape (N, 3), not {shape}{_hint(shape)}")
    if pos.dtype == torch.bool:
        raise InputError(f"{what} must be real numbers, not {pos.dtype}")
    finite = pos.detach().isfinite().all(1)  # (N,)
    if not finite.all():
        missing = int((~finite).sum())
        raise InputError(
            f"{missing} of the {len(pos)} rows of {what} are NaN or infinite: remove them first"
        )
    if pos.is_floating_point() and pos.dtype != torch.float64:
        return pos.float(), torch.zeros(3, dtype=torch.float64, device=pos.device)
    offset = choose_offset(pos.detach().double())
    near = (pos.double() - offset).float()
    if not near.detach().isfinite().all():
        raise InputError(f"{what} reaches beyond float32: scale it down")
    return near, offset


def as_normals(values: Any, pos: Tensor, what: str) -> Tensor:
    """Convert normals to length 1; those that are zero or not finite become zero: unknown."""
    normal = beside(values, pos, (len(pos), 3), what)
    if normal.dtype in (torch.bool, torch.uint8):  # without negative numbers
        raise InputError(f"{what} must be real numbers, not {normal.dtype}")
    if normal.dtype == torch.float32:
        length = normal.detach().norm(dim=1)
        if (((length - 1).abs() < _LENGTH_SLACK) | (length == 0)).all():
            return normal
    wide = normal.double()
    known = wide.isfinite().all(1, keepdim=True) & (wide != 0).any(1, keepdim=True)
    wide = torch.where(known, wide, 0.0)
    # Dividing by the largest component first keeps the squares of huge and tiny ones in range.
    wide = wide / wide.abs().amax(1, keepdim=True).clamp(min=1e-300)
    return torch.nn.functional.normalize(wide, dim=1).float()


def as_colors(values: Any, pos: Tensor, what: str) -> Tensor:
    """Convert colors of any range that :func:`pcea.formats.colors.as_color` knows to uint8."""
    color = beside(values, pos, (len(pos), 3), what)
    if color.dtype == torch.uint8:
        return color
    plain = color.detach().cpu()
    found = as_color((plain.double() if plain.is_floating_point() else plain).numpy())
    if found is None:
        raise InputError(f"{what} must lie in 0 to 1, 0 to 255 or 0 to 65,535")
    return torch.from_numpy(found).to(color.device)


def as_indices(
    values: Any, pos: Tensor, what: str, shape: tuple[int | None, ...] | None = None
) -> Tensor:
    """Convert whole numbers, one per point or of the given shape (None: any length), to int64."""
    index = beside(values, pos, (len(pos),) if shape is None else shape, what)
    if index.numel() and (index.is_floating_point() or index.dtype == torch.bool):
        raise InputError(f"{what} must be whole numbers, not {index.dtype}")
    return index.long()


def beside(values: Any, pos: Tensor, shape: tuple[int | None, ...], what: str) -> Tensor:
    """Convert values to a tensor, and check its shape and its device."""
    tensor = as_tensor(values, what)
    if shape[0] is None and tensor.shape == (0,):  # an empty list of faces
        tensor = tensor.reshape(0, 3)
    found = tuple(tensor.shape)
    pairs = zip(shape, found, strict=False)
    if len(found) != len(shape) or not all(wanted in (None, n) for wanted, n in pairs):
        spelled = str(shape).replace("None", "F")
        raise InputError(f"{what} must have shape {spelled}, not {found}")
    if tensor.device != pos.device:
        raise InputError(f"{what} is on {tensor.device}, its positions are on {pos.device}")
    return tensor


def as_tensor(values: Any, what: str) -> Tensor:
    """Convert an array or numbers to a tensor; masked numbers are an InputError."""
    if isinstance(values, Tensor):
        # Sparse, quantized and 8-bit tensors support hardly any operation.
        usual = values.layout == torch.strided and not (values.is_quantized or values.is_complex())
        if not usual or (values.is_floating_point() and values.dtype not in _REALS):
            kind = f"{values.layout} {values.dtype}".replace("torch.", "")
            raise InputError(f"{what} must be a dense tensor of real numbers, not {kind}")
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


def _hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[2] == 3:
        return ": give one cloud at a time"
    if len(shape) == 2 and shape[0] == 3:
        return ": this looks like (3, N), transpose it first"
    if len(shape) == 2 and shape[1] == 6:
        return ": give the normals apart, as normal=values[:, 3:]"
    return ""
