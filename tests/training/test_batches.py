from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Clouds
from pcea.recipes import Recipe
from pcea.training.batches import epoch_order, seed_step, training_batch

PLAIN = Recipe("plain", "shapes", "eat", num_points=10, scale=(1.0, 1.0), translate=0.0, jitter=0.0)


@pytest.fixture
def clouds(generator: Generator) -> Clouds:
    pos = torch.randn(6, 20, 3, generator=generator)
    pos[..., 0] += torch.arange(6)[:, None] * 100  # tells the clouds apart
    normal = torch.nn.functional.normalize(torch.randn(6, 20, 3, generator=generator), dim=-1)
    part = torch.arange(20).expand(6, 20)
    return Clouds.from_dense(pos, torch.arange(6), normal, part)


def order_of(count: int, batch_size: int, seed: int = 0, epoch: int = 0) -> Tensor:
    recipe = replace(PLAIN, batch_size=batch_size, seed=seed)
    return epoch_order(torch.zeros(count, dtype=torch.long), recipe, epoch)


@pytest.mark.parametrize(
    ("count", "batch_size", "shape"), [(12, 4, (3, 4)), (13, 4, (3, 4)), (3, 4, (1, 3))]
)
def test_an_epoch_is_a_permutation_without_repeats(
    count: int, batch_size: int, shape: tuple[int, int]
) -> None:
    order = order_of(count, batch_size)
    assert tuple(order.shape) == shape
    drawn = order.flatten().tolist()
    assert len(set(drawn)) == len(drawn) and set(drawn) <= set(range(count))


def test_epochs_and_seeds_differ_and_repeat() -> None:
    orders = [order_of(50, 10, seed, epoch) for seed in range(3) for epoch in range(3)]
    assert len({tuple(order.flatten().tolist()) for order in orders}) == 9
    assert torch.equal(orders[4], order_of(50, 10, seed=1, epoch=1))


def test_the_remainder_is_another_in_each_epoch() -> None:
    left = [set(range(10)) - set(order_of(10, 4, epoch=e).flatten().tolist()) for e in range(8)]
    assert all(len(each) == 2 for each in left)
    assert set.union(*left) > left[0]


@pytest.mark.parametrize("balance", [0.5, 1.0])
def test_balance_draws_rare_categories_more_often(balance: float) -> None:
    category = torch.tensor([0] * 80 + [1] * 16 + [2] * 4)
    recipe = replace(PLAIN, batch_size=10, balance=balance)
    times = torch.zeros(100)
    for epoch in range(200):
        drawn = epoch_order(category, recipe, epoch).flatten().bincount(minlength=100)
        wanted = category.bincount().double()[category] ** -balance
        wanted = wanted / wanted.sum() * 100
        assert drawn.sum() == 100
        assert ((drawn - wanted).abs() < 1).all()
        times += drawn / 200
    torch.testing.assert_close(times.double(), wanted, rtol=0.3, atol=0.05)


def test_steps_have_their_own_randomness() -> None:
    drawn = {}
    for seed in range(3):
        for step in range(50):
            own = torch.rand(2, generator=seed_step(seed, step))
            drawn[seed, step] = (*own.tolist(), *torch.rand(2).tolist())
    assert len(set(drawn.values())) == len(drawn)
    own = torch.rand(2, generator=seed_step(1, 7))
    assert drawn[1, 7] == (*own.tolist(), *torch.rand(2).tolist())


def test_a_batch_follows_from_its_generator(clouds: Clouds) -> None:
    recipe = replace(PLAIN, scale=(0.5, 2.0), translate=0.1, jitter=0.1, rotate=5, drop_points=0.5)
    index = torch.tensor([3, 1])
    one, same, other = (training_batch(clouds, index, recipe, seed_step(0, s)) for s in (1, 1, 2))
    assert torch.equal(one.pos, same.pos)
    assert one.normal is not None and same.normal is not None
    assert torch.equal(one.normal, same.normal)
    assert not torch.equal(one.pos, other.pos)


def test_without_augmentation_points_are_drawn_with_their_labels(clouds: Clouds) -> None:
    batch = training_batch(clouds, torch.tensor([4, 2, 2]), PLAIN, seed_step(0, 0))
    assert batch.pos.shape == (3, 10, 3) and batch.category.tolist() == [4, 2, 2]
    assert batch.part is not None and batch.normal is not None
    for row, cloud in enumerate((4, 2, 2)):
        chosen = batch.part[row]  # parts number the points
        assert len(set(chosen.tolist())) == 10
        assert torch.equal(batch.pos[row], clouds.pos.view(6, 20, 3)[cloud, chosen])
        assert clouds.normal is not None
        assert torch.equal(batch.normal[row], clouds.normal.view(6, 20, 3)[cloud, chosen])
    assert not torch.equal(batch.part[1], batch.part[2])


def change(clouds: Clouds, recipe: Recipe, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch before and after a recipe's augmentation."""
    index = torch.arange(6)
    before = training_batch(clouds, index, replace(recipe, **_OFF), seed_step(0, step)).pos
    return before, training_batch(clouds, index, recipe, seed_step(0, step)).pos


_OFF = {"scale": (1.0, 1.0), "translate": 0.0, "jitter": 0.0, "rotate": 0.0, "drop_points": 0.0}


def test_scale_stays_in_its_bounds(clouds: Clouds) -> None:
    factors = []
    for step in range(20):
        before, after = change(clouds, replace(PLAIN, scale=(0.67, 1.5)), step)
        factor = after / before
        assert torch.allclose(factor, factor[:, :1].expand_as(factor), rtol=1e-3)
        factors.append(factor[:, 0])
    drawn = torch.cat(factors)
    assert 0.669 < float(drawn.min()) < 0.72 and 1.4 < float(drawn.max()) < 1.501


def test_translation_stays_in_its_bounds(clouds: Clouds) -> None:
    moves = []
    for step in range(20):
        before, after = change(clouds, replace(PLAIN, translate=0.2), step)
        assert torch.allclose(after - before, (after - before)[:, :1].expand(6, 10, 3), atol=1e-3)
        moves.append((after - before)[:, 0, 1:])  # the first axis is too far out to be exact
    drawn = torch.cat(moves).abs()
    assert 0.15 < float(drawn.max()) < 0.2001


def test_jitter_is_cut_at_three_deviations(clouds: Clouds) -> None:
    noise = torch.cat(
        [
            b[..., 1:] - a[..., 1:]
            for a, b in (change(clouds, replace(PLAIN, jitter=0.01), s) for s in range(20))
        ]
    )
    assert float(noise.abs().max()) <= 0.0301
    assert float(noise.std()) == pytest.approx(0.01, rel=0.1)


def test_rotation_keeps_up_and_length(clouds: Clouds) -> None:
    for step in range(5):
        before, after = change(clouds, replace(PLAIN, rotate=15.0), step)
        assert torch.allclose(before[..., 1], after[..., 1], atol=1e-5)
        assert torch.allclose(before.norm(dim=-1), after.norm(dim=-1), rtol=1e-4)
        flat, turned = before[..., ::2], after[..., ::2]
        cosine = (flat * turned).sum(-1) / (flat.norm(dim=-1) * turned.norm(dim=-1))
        assert float(cosine.min()) > 0.9659 - 1e-4  # the cosine of 15 degrees


def test_normals_and_parts_follow_their_points_through_every_change(clouds: Clouds) -> None:
    """Each point carries its cloud's own position as normal: what moves one must move the other."""
    away = clouds.pos / clouds.pos.norm(dim=-1, keepdim=True)
    clouds = replace(clouds, normal=away)
    recipe = replace(PLAIN, rotate=30.0, drop_points=0.875)
    for step in range(5):
        batch = training_batch(clouds, torch.arange(6), recipe, seed_step(0, step))
        assert batch.normal is not None and batch.part is not None
        direction = batch.pos / batch.pos.norm(dim=-1, keepdim=True)
        torch.testing.assert_close(batch.normal, direction, rtol=0, atol=1e-4)
        for row in range(6):
            place = [tuple(p) for p in batch.pos[row].tolist()]
            assert len(set(place)) == len(set(batch.part[row].tolist()))


def test_dropped_points_lie_on_the_first(clouds: Clouds) -> None:
    shares = []
    for step in range(20):
        before, after = change(clouds, replace(PLAIN, drop_points=0.875), step)
        moved = (before != after).any(-1)
        first = after[:, :1].expand_as(after)
        assert torch.equal(after[moved], first[moved])
        shares += moved.float().mean(1).tolist()
    assert 0.3 < sum(shares) / len(shares) < 0.55
    assert any(a != b for a, b in pairwise(shares))
