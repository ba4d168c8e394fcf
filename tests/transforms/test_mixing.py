"""PointCutMix and RSMix: which points are whose, where they lie, and what the labels say."""

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Generator, Tensor

from pcea.datasets import Batch
from pcea.recipes import Recipe
from pcea.training.losses import batch_loss
from pcea.transforms import Transform
from pcea.transforms.mixing import PointCutMixK, PointCutMixR, RSMix, match

CLOUDS, POINTS = 40, 100


@pytest.fixture
def batch(generator: Generator) -> Batch:
    """Balls of different sizes, each point with a part of its own in the whole batch."""
    pos = torch.nn.functional.normalize(
        torch.randn(CLOUDS, POINTS, 3, generator=generator), dim=-1
    ) * (0.5 + torch.rand(CLOUDS, 1, 1, generator=generator) / 2)
    part = torch.arange(CLOUDS * POINTS).view(CLOUDS, POINTS)
    return Batch(pos, torch.arange(CLOUDS), torch.nn.functional.normalize(pos, dim=-1), part)


def owners(out: Batch) -> tuple[Tensor, Tensor]:
    """(B, N) whether a point is another cloud's, and (B,) which that is, −1: none."""
    assert out.part is not None
    owner = out.part // POINTS
    foreign = owner != torch.arange(CLOUDS).unsqueeze(1)
    return foreign, torch.where(foreign, owner, -1).amax(1)


@pytest.mark.parametrize("transform", [PointCutMixR(), PointCutMixK(), RSMix()])
def test_labels_are_mixed_by_the_share_of_points(
    transform: Transform, batch: Batch, generator: Generator
) -> None:
    out = transform(batch, generator)
    foreign, partner = owners(out)
    share = foreign.float().mean(1)
    assert 0.2 < (share > 0).float().mean() < 0.8  # probability 0.5
    soft = out.soft_category(CLOUDS)
    torch.testing.assert_close(soft.sum(1), torch.ones(CLOUDS))
    for cloud in range(CLOUDS):
        expected = torch.zeros(CLOUDS)
        expected[cloud] = 1 - share[cloud]
        expected[partner[cloud]] += share[cloud]
        torch.testing.assert_close(soft[cloud], expected)
        assert int(out.category[cloud]) in (cloud, int(partner[cloud]))
    certain = (share < 0.5) & (share > 0)
    assert torch.equal(out.category[certain], torch.arange(CLOUDS)[certain])


def test_all_of_a_batch_are_mixed_with_probability_1(batch: Batch, generator: Generator) -> None:
    foreign, partner = owners(PointCutMixR((0.3, 0.6), probability=1)(batch, generator))
    share = foreign.float().mean(1)
    mixed = partner >= 0
    assert mixed.sum() >= CLOUDS - 4  # a cloud may be its own partner
    assert len(partner[mixed].unique()) == mixed.sum()
    assert 0.3 <= share[mixed].min() < 0.35 and 0.55 < share[mixed].max() <= 0.6


@pytest.mark.parametrize("transform", [PointCutMixR(0.3), PointCutMixK(0.3)])
def test_pointcutmix_takes_the_points_as_they_are(
    transform: Transform, batch: Batch, generator: Generator
) -> None:
    out = transform(batch, generator)
    assert out.part is not None and out.normal is not None and batch.normal is not None
    assert torch.equal(out.pos, batch.pos.flatten(0, 1)[out.part])
    assert torch.equal(out.normal, batch.normal.flatten(0, 1)[out.part])
    foreign, _ = owners(out)
    counts = foreign.sum(1)
    assert set(counts.tolist()) == {0, 30}
    for cloud in counts.nonzero().squeeze(1).tolist():
        gone = batch.pos[cloud][foreign[cloud]]
        distance = torch.cdist(batch.pos[cloud], batch.pos[cloud])
        nearest = distance.topk(30, largest=False).indices.sort(1).values
        local = (nearest == foreign[cloud].nonzero().squeeze(1)).all(1).any()
        assert bool(local) == isinstance(transform, PointCutMixK)
        # What comes lies near what went: the sizes differ by a quarter on average.
        came = out.pos[cloud][foreign[cloud]]
        assert (came - gone).norm(dim=1).mean() < 0.75


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100, 1000])
def test_matching_is_one_to_one_and_near(count: int, generator: Generator) -> None:
    ball = torch.nn.functional.normalize(torch.randn(2, count, 3, generator=generator), dim=-1)
    box = torch.rand(2, count, 3, generator=generator) - 0.5
    found = match(ball, box)
    assert torch.equal(found.sort(1).values, torch.arange(count).expand(2, -1))
    if count >= 100:
        cost = torch.cdist(ball[0], box[0])
        best = cost.numpy()[linear_sum_assignment(cost.numpy())].mean()
        assert cost[torch.arange(count), found[0]].mean() < 1.3 * best
        assert match(ball, ball).equal(torch.arange(count).expand(2, -1))


def test_rsmix_moves_a_whole_piece_into_a_hole(batch: Batch, generator: Generator) -> None:
    radius = 0.6
    out = RSMix(radius, probability=1)(batch, generator)
    foreign, partner = owners(out)
    assert out.part is not None
    flat = batch.pos.flatten(0, 1)
    for cloud in (partner >= 0).nonzero().squeeze(1).tolist():
        new = foreign[cloud]
        move = out.pos[cloud] - flat[out.part[cloud]]
        assert torch.equal(move[~new], torch.zeros_like(move[~new]))
        # One move for all of the piece.
        assert (move[new] - move[new][:1]).norm(dim=1).max() < 1e-6
        # The piece and what went lie in balls about one center, a point of the cloud.
        gone = torch.ones(POINTS, dtype=torch.bool)
        gone[out.part[cloud][~new] - cloud * POINTS] = False
        assert gone.sum() == new.sum()
        reach = torch.cdist(batch.pos[cloud], batch.pos[cloud]) <= radius + 1e-6
        center = (reach == gone).all(1)
        assert center.any()
        middle = batch.pos[cloud][center.nonzero()[0, 0]]
        assert (out.pos[cloud][new] - middle).norm(dim=1).max() <= radius + 1e-5
    counts = out.part.flatten().bincount(minlength=CLOUDS * POINTS)
    assert counts.max() > 1  # pieces of fewer points are repeated


def test_rsmix_takes_at_most_so_many_points(batch: Batch, generator: Generator) -> None:
    out = RSMix(1.0, points=10, probability=1)(batch, generator)
    assert set(owners(out)[0].sum(1).tolist()) <= {0, 10}


def test_mixed_clouds_can_be_mixed_again(batch: Batch, generator: Generator) -> None:
    twice = RSMix(probability=1)(PointCutMixR(probability=1)(batch, generator), generator)
    assert twice.mixed_category is not None and twice.mixed_category.shape == (CLOUDS, 4)
    soft = twice.soft_category(CLOUDS)
    torch.testing.assert_close(soft.sum(1), torch.ones(CLOUDS))
    assert ((soft > 0).sum(1) > 2).any()
    assert torch.equal(soft.gather(1, twice.category[:, None]).squeeze(1), soft.amax(1))


def test_the_loss_is_the_mean_of_both_labels(batch: Batch, generator: Generator) -> None:
    """As the authors' λ-weighted sum of two losses, with label smoothing."""
    out = PointCutMixR(0.3, probability=1)(batch, generator)
    assert out.mixed_category is not None and out.mixed_share is not None
    logits = torch.randn(CLOUDS, CLOUDS, generator=generator)
    recipe = Recipe("r", "d", "m", label_smoothing=0.2)
    one, other = (
        torch.nn.functional.cross_entropy(
            logits, out.mixed_category[:, k], label_smoothing=0.2, reduction="none"
        )
        for k in (0, 1)
    )
    own = out.mixed_category[:, 0] == out.mixed_category[:, 1]
    share = out.mixed_share
    assert torch.allclose(share[~own, 1], torch.tensor(0.3))
    expected = (share[:, 0] * one + share[:, 1] * other).mean()
    torch.testing.assert_close(batch_loss(logits, out, recipe), expected)


def test_a_segmenter_learns_each_points_own_part(batch: Batch, generator: Generator) -> None:
    """Also where there are more categories than points."""
    few = Batch(batch.pos[:, :8], batch.category, None, batch.part[:, :8] % 5)  # type: ignore[index]
    out = RSMix(probability=1)(few, generator)
    assert out.part is not None
    logits = torch.randn(CLOUDS, 8, 5, generator=generator)
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), out.part.flatten())
    recipe = Recipe("r", "d", "m", label_smoothing=0.0)
    torch.testing.assert_close(batch_loss(logits, out, recipe), expected)
