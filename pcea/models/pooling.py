"""One vector for a whole cloud."""

from __future__ import annotations

import torch
from torch import Tensor

from pcea.models.embedding import Tokens


def pool(tokens: Tokens, kinds: tuple[str, ...]) -> Tensor:
    """Pool the features of clouds' real points by ``max`` and ``mean``: (B, C · len(kinds))."""
    _, x, mask = tokens
    pooled = []
    for kind in kinds:
        if kind == "max":
            real = x if mask is None else x.masked_fill(~mask.unsqueeze(-1), -torch.inf)
            pooled.append(real.max(1).values)
        elif kind == "mean" and mask is None:
            pooled.append(x.mean(1))
        elif kind == "mean":
            assert mask is not None
            count = mask.sum(1, keepdim=True).clamp(min=1)
            pooled.append((x * mask.unsqueeze(-1)).sum(1) / count)
        else:
            raise ValueError(f"unknown pooling {kind!r}: max or mean")
    return torch.cat(pooled, dim=-1)
