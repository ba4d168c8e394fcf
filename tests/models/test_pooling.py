"""Pooling against the plain loop over real points."""

from __future__ import annotations

import pytest
import torch

from pcea.models.embedding import Tokens
from pcea.models.pooling import pool


def test_pools_the_real_points(generator: torch.Generator) -> None:
    x = torch.randn(2, 6, 3, generator=generator)
    mask = torch.tensor([[True] * 6, [True, True, False, False, False, False]])
    out = pool(Tokens(x, x, mask), ("max", "mean"))
    for cloud, count, row in zip(x, (6, 2), out, strict=True):
        expected = torch.cat([cloud[:count].max(0).values, cloud[:count].mean(0)])
        torch.testing.assert_close(row, expected)
    torch.testing.assert_close(pool(Tokens(x, x, None), ("mean",)), x.mean(1))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown pooling 'min'"):
        pool(Tokens(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), None), ("min",))
