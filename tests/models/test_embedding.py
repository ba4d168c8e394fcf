"""Grouping against the published form, its two ways against each other, and the levels."""

import copy

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


def both_ways(stage: Grouping, pos: Tensor, x: Tensor) -> list[tuple[Grouping, Tensor, Tensor]]:
    """The stage, what it gives, and the gradient of its input: edges held, and in tiles."""
    seen = []
    for mask in (torch.ones(pos.shape[:2], dtype=torch.bool), None):  # a mask asks for all edges
        own, features = copy.deepcopy(stage), x.detach().clone().requires_grad_()
        out = own(Tokens(pos, features, mask)).x
        weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(3)).to(out.dtype)
        (out * weight).sum().backward()
        assert features.grad is not None
        seen.append((own, out.detach(), features.grad))
    return seen


@pytest.mark.parametrize("inner", [1, 2, 3])
@pytest.mark.parametrize("train", [True, False])
def test_tiles_change_nothing(generator: torch.Generator, inner: int, train: bool) -> None:
    pos = torch.rand(3, 40, 3, generator=generator).double()
    x = torch.randn(3, 40, 6, generator=generator).double()
    stage = Grouping(6, 8, k=5, num=12, inner=inner).double().train(train)
    for block in (stage.first, *stage.inner):
        torch.nn.init.normal_(block.norm.weight, generator=generator)  # negative ones among them
        torch.nn.init.normal_(block.norm.bias, generator=generator)
        block.norm.running_mean.normal_(generator=generator)
    (held, out, gradient), (tiles, tile_out, tile_gradient) = both_ways(stage, pos, x)
    torch.testing.assert_close(tile_out, out)
    torch.testing.assert_close(tile_gradient, gradient)
    for one, other in zip(tiles.parameters(), held.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    for name, buffer in held.named_buffers():
        torch.testing.assert_close(tiles.get_buffer(name), buffer)


def test_looking_without_a_gradient_gives_the_same(generator: torch.Generator) -> None:
    stage = Grouping(3, 8, k=4, num=6).eval()
    pos = torch.rand(2, 20, 3, generator=generator)
    with torch.no_grad():
        out = stage(Tokens(pos, pos, None)).x
    assert torch.equal(out, stage(Tokens(pos, pos, None)).x)


@pytest.mark.parametrize("inner", [1, 2])
def test_a_compiler_sees_no_break(generator: torch.Generator, inner: int) -> None:
    pos = torch.rand(2, 20, 3, generator=generator)
    stage = Grouping(3, 8, k=4, num=6, inner=inner)
    twin = copy.deepcopy(stage)
    compiled = torch.compile(twin, backend="aot_eager", fullgraph=True)
    out, same = stage(Tokens(pos, pos, None)).x, compiled(Tokens(pos, pos, None)).x
    torch.testing.assert_close(same, out)
    out.square().sum().backward()
    same.square().sum().backward()
    for one, other in zip(twin.parameters(), stage.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_half_precision_around_it_keeps_the_edges_whole(generator: torch.Generator) -> None:
    pos = torch.rand(2, 20, 3, generator=generator)
    stage = Grouping(3, 8, k=4, num=6)
    with torch.autocast("cpu", torch.bfloat16):
        out = stage(Tokens(pos, pos, None)).x
        out.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in stage.parameters())
    torch.testing.assert_close(out.float(), stage(Tokens(pos, pos, None)).x, rtol=0.05, atol=0.05)


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


def test_pools_the_real_points(generator: torch.Generator) -> None:
    x = torch.randn(2, 6, 3, generator=generator)
    mask = torch.tensor([[True] * 6, [True, True, False, False, False, False]])
    out = Tokens(x, x, mask).pool("max", "mean")
    for cloud, count, row in zip(x, (6, 2), out, strict=True):
        expected = torch.cat([cloud[:count].max(0).values, cloud[:count].mean(0)])
        torch.testing.assert_close(row, expected)
    torch.testing.assert_close(Tokens(x, x, None).pool("mean"), x.mean(1))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown pooling 'min'"):
        Tokens(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), None).pool("min")
