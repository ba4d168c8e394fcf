"""Which of several clouds somebody means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pcea.errors import InputError
from pcea.formats.checked import as_tensor

Index: TypeAlias = int | slice | Tensor | NDArray[Any] | Sequence[int] | Sequence[bool]


def cloud_ids(index: Index, num: int, device: torch.device) -> Tensor:
    """Turn whatever names clouds into their ids.

    Args:
        index: an id, a slice, K ids, or a mask of ``num`` bools; ids below 0 count from the end.
        num: how many clouds there are.
        device: where the ids are wanted. Ids that lie on a device other than the CPU are not held
            against ``num``: looking at them would wait for it.

    Returns:
        (K,) int64 ids.

    Raises:
        InputError: a cloud does not exist, a mask has another length, or it is none of these.
    """
    if isinstance(index, slice):
        index = range(num)[index]
    elif isinstance(index, (int, np.integer)) and not isinstance(index, bool):
        index = [int(index)]
    ids = as_tensor(index, "index of clouds")
    if ids.dtype == torch.bool:
        if ids.shape != (num,):
            raise InputError(f"a mask of shape {tuple(ids.shape)} cannot choose of {num} clouds")
        return ids.nonzero()[:, 0].to(device)
    if ids.numel() and (ids.is_floating_point() or ids.is_complex()):
        raise InputError(f"clouds are numbered by whole numbers, not {ids.dtype}")
    if ids.ndim > 1:
        raise InputError(f"index of clouds has shape {tuple(ids.shape)}; it must be (K,)")
    ids = ids.reshape(-1).long()
    if ids.device.type != "cpu":
        return torch.where(ids < 0, ids + num, ids).to(device)
    if len(ids):
        low, high = (int(end) for end in ids.aminmax())
        if low < -num or high >= num:
            raise InputError(f"no cloud {low if low < -num else high}: there are {num}, from 0 on")
        if low < 0:
            ids = torch.where(ids < 0, ids + num, ids)
    return ids.to(device)
