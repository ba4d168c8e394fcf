"""Quantiles of tensors of any size."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pcea.errors import InputError


def quantile(values: Tensor, share: float | Sequence[float], dim: int | None = None) -> Tensor:
    """Compute quantiles with linear interpolation, by default over all dimensions.

    ``torch.quantile`` refuses more than 16,777,216 values, and sorts them; this function takes any
    number and does not sort. For Q shares, returns (Q, …) on the CPU, in the type of ``values``
    (float32 for half precision). The result is NaN if a value is NaN.
    """
    wanted = np.asarray(share, np.float64)
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise InputError(f"a quantile is a share from 0 to 1, not {share}")
    if not values.numel():
        raise InputError("no values to take a quantile of")
    kept = values.dtype if values.dtype in (torch.float32, torch.float64) else torch.float32
    # In float32, a share of many values would be inexact.
    found = np.quantile(values.detach().to("cpu", kept).numpy(), wanted, axis=dim)
    return torch.as_tensor(found).to(kept)
