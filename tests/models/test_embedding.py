"""The levels of the embedding."""

from __future__ import annotations

import pytest
import torch

from pcea.models.embedding import Embedding


def test_levels_go_from_all_points_to_the_last_centers(generator: torch.Generator) -> None:
    embedding = Embedding(3, (4, 5, 6), (16, 8), k=3)
    pos = torch.rand(2, 30, 3, generator=generator)
    mask = torch.arange(30).expand(2, -1) < torch.tensor([[30], [10]])
    levels = embedding(pos, pos, mask)
    assert [level.x.shape for level in levels] == [(2, 30, 4), (2, 16, 5), (2, 8, 6)]
    assert [level.mask.sum(1).tolist() for level in levels] == [[30, 10], [16, 10], [8, 8]]


def test_widths_must_fit_the_stages() -> None:
    with pytest.raises(ValueError, match="2 stages need 3 widths, not 2"):
        Embedding(3, (4, 5), (16, 8))
