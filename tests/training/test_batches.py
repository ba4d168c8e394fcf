from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor

from pcea.datasets import Clouds
from pcea.recipes import Recipe, parse_recipe
from pcea.training.batches import epoch_order, seed_step, training_batch
from pcea.transforms import as_transforms
from pcea.transforms.base import changed

PLAIN = Recipe("plain", "shapes", "eat")


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
    names = ("rotate(5)", "scale(0.5, 2)", "jitter(0.1)", "translate(0.1)", "drop-points(0.5)")
    index, transforms = torch.tensor([3, 1]), as_transforms(names)
    one, same, other = (
        training_batch(clouds, index, 10, transforms, seed_step(0, s)) for s in (1, 1, 2)
    )
    assert torch.equal(one.pos, same.pos)
    assert one.normal is not None and same.normal is not None
    assert torch.equal(one.normal, same.normal)
    assert not torch.equal(one.pos, other.pos)


def test_transforms_act_one_after_the_other(clouds: Clouds) -> None:
    batch = training_batch(clouds, torch.arange(6), 10, (), seed_step(0, 0))
    transforms = as_transforms([lambda b, _: changed(b, pos=b.pos + 1), "scale(3, 3)"])
    moved = training_batch(clouds, torch.arange(6), 10, transforms, seed_step(0, 0))
    assert torch.equal(moved.pos, (batch.pos + 1) * 3)


def test_without_transforms_points_are_drawn_with_their_labels(clouds: Clouds) -> None:
    batch = training_batch(clouds, torch.tensor([4, 2, 2]), 10, (), seed_step(0, 0))
    assert batch.pos.shape == (3, 10, 3) and batch.category.tolist() == [4, 2, 2]
    assert batch.part is not None and batch.normal is not None
    for row, cloud in enumerate((4, 2, 2)):
        chosen = batch.part[row]  # parts number the points
        assert len(set(chosen.tolist())) == 10
        assert torch.equal(batch.pos[row], clouds.pos.view(6, 20, 3)[cloud, chosen])
        assert clouds.normal is not None
        assert torch.equal(batch.normal[row], clouds.normal.view(6, 20, 3)[cloud, chosen])
    assert not torch.equal(batch.part[1], batch.part[2])


def test_batches_are_those_of_the_first_version(clouds: Clouds) -> None:
    """An old run that is resumed goes on with the batches that it would have had."""
    values = {"scale": [0.5, 2.0], "translate": 0.1, "jitter": 0.1, "rotate": 5, "drop_points": 0.5}
    recipe = parse_recipe({"name": "old", "dataset": "shapes", "model": "eat", **values})
    transforms = as_transforms(recipe.transforms)
    batch = training_batch(clouds, torch.tensor([3, 1]), 10, transforms, seed_step(0, 1))
    assert batch.normal is not None and batch.part is not None
    weight = torch.arange(1, 61).double()
    sums = [(each.flatten().double() * weight).sum().item() for each in (batch.pos, batch.normal)]
    assert sums == pytest.approx([87054.11215019226, 33.733026881702244], rel=1e-5)
    assert batch.part.tolist() == [
        [13, 0, 13, 10, 13, 18, 17, 5, 19, 16],
        [5, 13, 5, 6, 16, 4, 9, 18, 14, 19],
    ]
