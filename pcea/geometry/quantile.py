"""Quantiles of any number of values."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pcea.errors import InputError


def quantile(values: Tensor, share: float | Sequence[float], dim: int | None = None) -> Tensor:
    """Find below which value a share of the values lies, linear between two neighbors in order.

    ``torch.quantile`` refuses more than 16,777,216 values, and sorts them all; this takes any
    number, and only parts them. Of Q shares it gives (Q, …), on the CPU, in the type of ``values``
    (float32 of half precision); NaN where a value is NaN. The default is over all dimensions.
    """
    wanted = np.asarray(share, np.float64)
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise InputError(f"a quantile is a share from 0 to 1, not {share}")
    if not values.numel():
        raise InputError("no values to take a quantile of")
    kept = values.dtype if values.dtype in (torch.float32, torch.float64) else torch.float32
    # The shares stay float64: in float32 the place among many values would be off by some.
    found = np.quantile(values.detach().to("cpu", kept).numpy(), wanted, axis=dim)
    return torch.as_tensor(found).to(kept)
