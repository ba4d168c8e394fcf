"""Grouping against the published form: concatenate, convolve, take the maximum."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pcea.geometry import farthest_point_sample
from pcea.models.embedding import Embedding, Grouping, Tokens


def grouped_as_published(stage: Grouping, pos: Tensor, x: Tensor, num: int) -> Tensor:
    """One cloud at a time, one center at a time, on the concatenated features."""
    rows = []
    for cloud, features in zip(pos, x, strict=True):
        for center in farthest_point_sample(cloud[None], num)[0]:
            nearest = (cloud - cloud[center]).norm(dim=-1).argsort()[: stage.k]
            own = features[center].expand(stage.k, -1)
            rows.append(torch.cat([features[nearest] - own, own], dim=-1))
    grouped = torch.stack(rows)  # (B * num, k, 2C)
    for block in (stage.first, *stage.inner):
        grouped = block(grouped)
    pooled = grouped.amax(1)
    for block in stage.outer:
        pooled = block(pooled)
    return pooled.view(len(pos), num, -1)


@pytest.mark.parametrize(("inner", "outer"), [(2, 0), (1, 1)])
@pytest.mark.parametrize("train", [True, False])
def test_grouping_is_the_published_one(
    generator: torch.Generator, inner: int, outer: int, train: bool
) -> None:
    pos = torch.rand(2, 40, 3, generator=generator).double()
    x = torch.randn(2, 40, 6, generator=generator).double()
    stage = Grouping(6, 8, k=5, num=12, inner=inner, outer=outer).double().train(train)
    center, out, mask = stage(Tokens(pos, x, None))
    assert mask is None
    assert center.shape == (2, 12, 3)
    torch.testing.assert_close(out, grouped_as_published(stage, pos, x, 12))


def test_all_points_stay_where_no_number_is_given(generator: torch.Generator) -> None:
    pos = torch.rand(1, 20, 3, generator=generator)
    center, out, _ = Grouping(3, 4, k=50, num=None)(Tokens(pos, pos, None))
    assert torch.equal(center, pos)
    assert out.shape == (1, 20, 4)


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
